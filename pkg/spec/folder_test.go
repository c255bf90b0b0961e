package spec

import (
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
		"syncs/contacts.yaml":    syncFile, "syncs/contacts.sql": "SELECT 1",
		"syncs/accounts.yaml": accountsFile, "syncs/accounts.sql": "SELECT 2;",
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
	if _, found := f.Environment("demo"); !found || len(f.Syncs) != 2 || f.Syncs[0].From.Query != "SELECT 2" {
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
		{"an unknown environment", contacts("environment: demo", "environment: dem"), `DIR/syncs/contacts.yaml:1:1: sync contacts: there is no environment dem; did you mean demo?`},
		{"an environment twice", map[string]string{"environments/other.yaml": environmentFile}, "DIR/environments/other.yaml:2:1: environment demo is in DIR/environments/demo.yaml:2:1 already; rename one of them"},
		{"a sync twice", map[string]string{"syncs/more.yaml": accountsFile}, "DIR/syncs/more.yaml:1:1: sync demo/accounts is in DIR/syncs/accounts.yaml:1:1 already; rename one of them"},
		{"an unknown sync in after", contacts("[accounts]", "[acounts]"), "DIR/syncs/contacts.yaml:1:1: sync contacts: after names acounts, which is no sync of environment demo; did you mean accounts?"},
		{"a circle", map[string]string{"syncs/accounts.yaml": accountsFile + "after: contacts\n"}, "DIR/syncs/accounts.yaml:1:1: syncs wait for each other: accounts -> contacts -> accounts; drop one of them from after"},
		{"a query that is not there", map[string]string{"syncs/contacts.sql": ""}, "DIR/syncs/contacts.yaml:2:15: the query contacts.sql is not there; write it, or name another"},
		{"a query outside", contacts("contacts.sql", "../../x.sql"), "DIR/syncs/contacts.yaml:2:15: the query ../../x.sql lies outside of DIR; move it into the folder"},
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
