package mapping

import (
	"strings"
	"testing"
)

func TestAGUIDHasItsDigitsInTheirPlaces(t *testing.T) {
	const id = "61f0c404-5CB3-11e7-907B-a6006ad3dba0"
	for i := range len(id) {
		for c := range 256 {
			s := id[:i] + string([]byte{byte(c)}) + id[i+1:]
			want := strings.IndexByte("0123456789abcdefABCDEF", byte(c)) >= 0
			if id[i] == '-' {
				want = c == '-'
			}
			got, ok := appendGUID(nil, s)
			if ok != want || ok && string(got) != strings.ToLower(s) {
				t.Errorf("%q: %s %t", s, got, ok)
			}
		}
	}
	for s, want := range map[string]bool{id + "  ": true, " " + id: false, id[1:]: false, id[:35] + " ": false, "": false} {
		if _, ok := appendGUID(nil, s); ok != want {
			t.Errorf("%q: %t", s, ok)
		}
	}
}
