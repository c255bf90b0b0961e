package spec

import (
	"strings"
	"testing"
)

func TestNoRefusalStopsASyncThatSaysSo(t *testing.T) {
	file := func(share string) (Sync, error) {
		syncs, err := ParseSync("s.yaml", []byte(strings.Replace(syncFile, "max_deletes: 10,", "stop_refused: "+share+",", 1)), queries)
		return syncs[0], err
	}
	if s, err := file("100%"); err != nil || s.Guards.StopRefused != 1 {
		t.Errorf("%+v, %v", s.Guards, err)
	}
	if _, err := file("0%"); err == nil || !strings.Contains(err.Error(), "write 100%") {
		t.Error(err)
	}
}
