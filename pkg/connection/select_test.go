package connection_test

import (
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/connection"
	"github.com/penstock-sync/penstock/pkg/spec"
)

func TestWhatIsTestedIsChosenByName(t *testing.T) {
	sync := func(environment, name string) spec.Sync {
		return spec.Sync{Name: name, To: spec.To{Environment: environment}}
	}
	environments := []spec.Environment{{Name: "demo", Users: []spec.User{{ClientID: "a-1"}, {ClientID: "a-2"}}}, {Name: "production", Users: []spec.User{{ClientID: "b"}}}}
	syncs := []spec.Sync{sync("demo", "contacts"), sync("demo", "accounts"), sync("production", "contacts")}
	for _, tt := range []struct {
		environment, sync, user string
		want                    string // syncs, users, others; or a part of the error
	}{
		{"demo", "", "", "accounts contacts | a-1 a-2 | production"},
		{"production", "", "", "contacts | b | demo"},
		{"demo", "contacts", "A-2", "contacts | a-2 | production"},
		{"dmo", "", "", "there is no environment dmo; did you mean demo?"},
		{"demo", "contcts", "", "environment demo has no sync contcts; did you mean contacts?"},
		{"demo", "", "a-3x", "environment demo has no application user with the client id a-3x; known are a-1, a-2"},
	} {
		in, err := connection.Select(environments, syncs, tt.environment, tt.sync, tt.user)
		var names, users, others []string
		for _, s := range in.Syncs {
			names = append(names, s.Name)
		}
		for _, u := range in.Environment.Users {
			users = append(users, u.ClientID)
		}
		for _, e := range in.Others {
			others = append(others, e.Name)
		}
		got := strings.Join(names, " ") + " | " + strings.Join(users, " ") + " | " + strings.Join(others, " ")
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s %s %s: %s, want %s", tt.environment, tt.sync, tt.user, got, tt.want)
		}
	}
	if len(environments[0].Users) != 2 {
		t.Error("the files were changed")
	}
}
