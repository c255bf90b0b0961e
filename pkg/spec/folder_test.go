package spec

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

const accountsFile = `sync: accounts
from: {query: accounts.sql, key: account_no}
to: {environment: demo, table: account, match: {key: accountnumber}}
map: {name: name}
`

func folder(t *testing.T, change map[string]string) (f Folder, dir string, err error) {
	t.Helper()
	dir = t.TempDir()
	files := map[string]string{
		"environments/demo.yaml": environmentFile,
		"syncs/contacts.yaml":    syncFile, "syncs/contacts.sql": "SELECT *",
		"syncs/accounts.yaml": accountsFile, "syncs/accounts.sql": "SELECT *;",
	}
	for name, text := range change {
		files[name] = text
	}
	for name, text := range files {
		if text != "" {
			write(t, dir, name, text)
		}
	}
	f, err = Load(dir)
	return f, dir, err
}

func TestAFolderIsReadWhole(t *testing.T) {
	f, dir, err := folder(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, d := range f.Documents {
		files = append(files, d.File)
	}
	if got := strings.Join(files, " "); got != "environments/demo.yaml syncs/accounts.yaml syncs/accounts.sql syncs/contacts.yaml syncs/contacts.sql" {
		t.Errorf("documents: %s", got)
	}
	if _, found := f.Environment("demo"); !found || len(f.Syncs) != 2 || f.Syncs[0].From.Query != "SELECT *" {
		t.Errorf("read %+v", f)
	}
	again, err := Read(dir, f.Documents)
	if err != nil || !reflect.DeepEqual(again, f) {
		t.Errorf("from its documents, %v: %+v\nwant %+v", err, again, f)
	}
	if _, err := Read(dir, f.Documents[:2]); err == nil || !strings.Contains(err.Error(), "the query accounts.sql is not there") {
		t.Errorf("a document too few: %v", err)
	}
}

func TestFilesAreCheckedAgainstEachOther(t *testing.T) {
	contacts := func(from, to string) map[string]string {
		return map[string]string{"syncs/contacts.yaml": strings.Replace(syncFile, from, to, 1)}
	}
	people := strings.NewReplacer("sync: contacts", "sync: people").Replace(syncFile)
	mails := strings.NewReplacer("sync: contacts", "sync: mails", "mode: upsert, on_leave: delete", "mode: update", "after: [accounts]\n", "").Replace(syncFile)
	mails = mails[:strings.Index(mails, "map:")] + "map: {emailaddress2: email2}\n"
	for _, c := range []struct {
		name   string
		change map[string]string
		want   string
	}{
		{"an unknown environment", contacts("environment: demo", "environment: dem"), `DIR/syncs/contacts.yaml:3:21: sync contacts: there is no environment dem; did you mean demo?`},
		{"an environment twice", map[string]string{"environments/other.yaml": environmentFile}, "DIR/environments/other.yaml:2:1: environment demo is in DIR/environments/demo.yaml:2:1 already; rename one of them"},
		{"a sync twice", map[string]string{"syncs/more.yaml": accountsFile}, "DIR/syncs/more.yaml:1:1: sync demo/accounts is in DIR/syncs/accounts.yaml:1:1 already; rename one of them"},
		{"an unknown sync in after", contacts("[accounts]", "[acounts]"), "DIR/syncs/contacts.yaml:4:8: sync contacts: after names acounts, which is no sync of environment demo; did you mean accounts?"},
		{"a circle", map[string]string{"syncs/accounts.yaml": accountsFile + "after: contacts\n"}, "DIR/syncs/accounts.yaml:5:8: syncs wait for each other: accounts -> contacts -> accounts; drop one of them from after"},
		{"a query that is not there", map[string]string{"syncs/contacts.sql": ""}, "DIR/syncs/contacts.yaml:2:15: the query contacts.sql is not there; write it, or name another"},
		{"a query outside", contacts("contacts.sql", "../../x.sql"), "DIR/syncs/contacts.yaml:2:15: the query ../../x.sql lies outside of DIR; move it into the folder"},
		{"a file in upper case", map[string]string{"syncs/b.YAML": "x"}, "DIR/syncs/b.YAML: files that end in .YAML are not read; rename it to .yaml"},
		{"a file that would be overlooked", map[string]string{"syncs/b.yml": "x"}, "DIR/syncs/b.yml: files that end in .yml are not read; rename it to .yaml"},
		{"a column of two syncs", map[string]string{"syncs/mails.yaml": strings.Replace(mails, "emailaddress2:", "emailaddress1:", 1)}, "DIR/syncs/mails.yaml:4:7: syncs contacts and mails both write demo/contact.emailaddress1; leave the column to one of them"},
		{"a second maker beside a mirror", map[string]string{"syncs/mails.yaml": strings.Replace(mails, "mode: update", "mode: upsert", 1)}, "DIR/syncs/mails.yaml:1:1: sync contacts mirrors its model in demo/contact, so mails cannot make records there; set mode: update, or on_leave: nothing in contacts"},
		{"mistakes of several files at once", map[string]string{"syncs/contacts.sql": "", "syncs/accounts.yaml": accountsFile + "x: y\n", "environments/demo.yaml": ": ["}, "environments/demo.yaml:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, dir, err := folder(t, c.change)
			if c.name == "mistakes of several files at once" {
				for _, want := range []string{"environments/demo.yaml:", "syncs/contacts.yaml:", "syncs/accounts.yaml:"} {
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s is not named in %v", want, err)
					}
				}
				return
			}
			check(t, err, strings.ReplaceAll(c.want, "DIR", dir))
		})
	}
	if _, _, err := folder(t, map[string]string{"syncs/mails.yaml": mails}); err != nil {
		t.Errorf("an update of other columns beside a mirror: %v", err)
	}
	if _, _, err := folder(t, map[string]string{"syncs/people.yaml": strings.ReplaceAll(people, "environment: demo", "environment: prod"), "environments/prod.yaml": strings.NewReplacer("demo", "prod", "8365", "8366").Replace(environmentFile), "syncs/accounts2.yaml": strings.Replace(accountsFile, "demo", "prod", 1)}); err != nil {
		t.Errorf("the same columns in another environment: %v", err)
	}
	_, err := Load(t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "there is no file environments/*.yaml") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestTwoEnvironmentsOfOneOrganisationHaveNoSyncsOfOneName(t *testing.T) {
	environment := func(name, host string) Environment {
		return Environment{Name: name, URL: "https://" + host + "/api/data/v9.2/"}
	}
	sync := func(environment, name string) Sync {
		return Sync{Name: name, To: To{Environment: environment, Table: "account", OnLeave: OnLeave{Action: Nothing}}}
	}
	for _, c := range []struct {
		name          string
		host          string // of the second environment
		sync          string // of the second environment
		organizations map[string]string
		refused       bool
	}{
		{name: "another host", host: "two.crm4.dynamics.com", sync: "accounts"},
		{name: "the same host", host: "One.crm4.dynamics.com", sync: "accounts", refused: true},
		{name: "the same host, and another sync", host: "one.crm4.dynamics.com", sync: "companies"},
		{name: "the same organisation by another host", host: "vanity.example.com", sync: "accounts", organizations: map[string]string{"a": "1", "b": "1"}, refused: true},
		{name: "another organisation", host: "two.crm4.dynamics.com", sync: "accounts", organizations: map[string]string{"a": "1", "b": "2"}},
		{name: "unknown organisations", host: "two.crm4.dynamics.com", sync: "accounts", organizations: map[string]string{"a": "", "b": ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := Folder{
				Environments: []Environment{environment("a", "one.crm4.dynamics.com"), environment("b", c.host)},
				Syncs:        []Sync{sync("a", "accounts"), sync("b", c.sync)},
			}
			problems := f.Check(c.organizations)
			if c.refused != (len(problems) == 1 && strings.Contains(problems.Error(), "environments a and b are one organisation")) || !c.refused && len(problems) > 0 {
				t.Errorf("problems: %v", problems)
			}
		})
	}
}

func TestAFileThatCannotBeReadSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"a link to nothing": {func(path string) error { return os.Symlink("elsewhere", path) }, "DIR/syncs/people.yaml: the file is a link to elsewhere, which is not there; mend the link, or remove it"},
		"a link to itself":  {func(path string) error { return os.Symlink("people.yaml", path) }, "DIR/syncs/people.yaml: the file is a link that leads back to itself; mend the link, or remove it"},
		"a folder":          {func(path string) error { return os.Mkdir(path, 0o755) }, "DIR/syncs/people.yaml: the file is a folder, not a file; rename it, or write a file"},
	} {
		t.Run(name, func(t *testing.T) {
			_, dir, _ := folder(t, nil)
			if err := c.make(filepath.Join(dir, "syncs", "people.yaml")); err != nil {
				t.Fatal(err)
			}
			_, err := Load(dir)
			check(t, err, strings.ReplaceAll(c.want, "DIR", dir))
		})
	}
	denied := unreadable("x", &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission})
	if got := denied.What + "; " + denied.Mend; got != "may not be read by this user; change its owner or its permissions" {
		t.Errorf("got %s", got)
	}
}

// A folder that Kubernetes mounts is made of links.
func TestLinksAreFollowed(t *testing.T) {
	_, real, _ := folder(t, nil)
	dir := t.TempDir()
	for _, name := range []string{"environments", "syncs"} {
		if err := os.Symlink(filepath.Join(real, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if f, err := Load(dir); err != nil || len(f.Syncs) != 2 {
		t.Errorf("%d syncs, %v", len(f.Syncs), err)
	}
}

func TestAQueryThatNoSyncNamesIsAWarning(t *testing.T) {
	f, dir, err := folder(t, map[string]string{"syncs/old.sql": "SELECT 1"})
	if want := dir + "/syncs/old.sql: no sync names this query; name it in from.query of a sync, or delete it"; err != nil || f.Warnings.Error() != want {
		t.Errorf("%v, %v\nwant %s", err, f.Warnings, want)
	}
}

// Five hundred syncs, the last waiting for the one before it, and so on.
func many(tb testing.TB, n int) []Document {
	tb.Helper()
	files := []Document{{"environments/demo.yaml", []byte(environmentFile)}}
	for i := range n {
		name := fmt.Sprintf("s%04d", i)
		text := strings.ReplaceAll(strings.Replace(syncFile, "on_leave: delete", "", 1), "contacts", name)
		text = strings.ReplaceAll(text, "table: contact", "table: new_"+name)
		if i > 0 {
			text = strings.Replace(text, "[accounts]", fmt.Sprintf("[s%04d]", i-1), 1)
		} else {
			text = strings.Replace(text, "after: [accounts]\n", "", 1)
		}
		files = append(files, Document{"syncs/" + name + ".yaml", []byte(text)}, Document{"syncs/" + name + ".sql", []byte("SELECT *")})
	}
	return files
}

func TestAFolderOfHundredsOfSyncsIsRead(t *testing.T) {
	f, err := Read("big", many(t, 500))
	if err != nil || len(f.Syncs) != 500 {
		t.Errorf("%d syncs, %v", len(f.Syncs), err)
	}
}

func BenchmarkFolder(b *testing.B) {
	files := many(b, 500)
	for b.Loop() {
		if _, err := Read("big", files); err != nil {
			b.Fatal(err)
		}
	}
}
