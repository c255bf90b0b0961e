package spec

import (
	"strings"
	"testing"
)

func TestAKeyWithoutAnExampleOrACommentIsNamed(t *testing.T) {
	files := []Document{{"environments/demo.yaml", []byte(environmentFile)}, {"syncs/contacts.yaml", []byte(syncFile)}}
	_, _, err := Describe(files)
	if err == nil {
		t.Fatal("nothing is missing")
	}
	for _, want := range []string{"a sync.to.bypass", "a sync.overlays", "a sync.map.*.template", "an environment.url", "an environment.users[].certificate"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in %v", want, err)
		}
	}
	if _, _, err := Describe([]Document{{"syncs/contacts.yaml", []byte("sync: 1\n")}}); err == nil || !strings.Contains(err.Error(), "syncs/contacts.yaml:1:7: sync must be text") {
		t.Errorf("a wrong example: %v", err)
	}
}
