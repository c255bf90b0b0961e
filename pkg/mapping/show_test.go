package mapping

import (
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/spec"
)

// The address that a key names is that of the row which has it.
func TestAKeyAloneHasTheAddressOfItsRow(t *testing.T) {
	const guid = "0b1d4d36-5c1a-4f0e-8a57-3f0f6d1f2a3b"
	for _, c := range []struct {
		name  string
		match []string
		model []SourceColumn
		mode  spec.Mode
		key   string
		want  string // address, or the code of a refusal
	}{
		{"text", []string{"externaluseridentifier"}, nil, spec.Upsert, "o'neill 7", "contacts(externaluseridentifier='o''neill%207')"},
		{"text that cannot be an address", []string{"externaluseridentifier"}, nil, spec.Upsert, "a/b", "key_characters"},
		{"several parts", []string{"new_region", "new_no"}, []SourceColumn{{"n", "Int32"}}, spec.Upsert, "eu\x1f7", "contacts(new_region='eu',new_no=7)"},
		{"a part too few", []string{"new_region", "new_no"}, []SourceColumn{{"n", "Int32"}}, spec.Upsert, "eu", "missing_key"},
		{"a GUID", []string{"contactid"}, nil, spec.Update, guid, "contacts(" + guid + ")"},
		{"what is no GUID", []string{"contactid"}, nil, spec.Update, "x", "not_a_guid"},
		{"a GUID that is given", []string{"contactid"}, nil, spec.Create, guid, "contacts(" + guid + ")"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input(c.model)
			in.Sync.To.Match, in.Sync.To.Mode = c.match, c.mode
			for _, m := range c.model {
				in.Sync.From.Key = append(in.Sync.From.Key, m.Name)
			}
			got, cause := compile(t, in).Address(c.key)
			if cause != nil {
				got = cause.Code
			}
			if got != c.want {
				t.Errorf("the address is %q, want %q", got, c.want)
			}
		})
	}
	in := input(nil)
	in.Sync.To.Mode = spec.Create
	p := compile(t, in)
	body, address, cause := p.Append(nil, nil, scan(t, p, "a", map[string]any{"id": "A"}))
	if cause != nil {
		t.Fatal(cause)
	}
	_, id, _ := strings.Cut(string(body), `"contactid":"`)
	if got, _ := p.Address("a"); got != string(address)+"("+id[:36]+")" {
		t.Errorf("the address of a created record is %s, and its body %s", got, body)
	}
}

// A column that is masked for one of its fields is read in no other way.
func TestWhatIsShownIsMasked(t *testing.T) {
	p := compile(t, input([]SourceColumn{{"mail", "Nullable(String)"}, {"v", "Int32"}},
		spec.Field{Column: "emailaddress1", From: "mail", Null: spec.NullWrite},
		spec.Field{Column: "description", From: "mail", Null: spec.NullWrite, Mask: spec.Redact},
		column("new_no")))
	var got []string
	for _, s := range p.Show() {
		got = append(got, fmt.Sprintf("%s %s %t", s.Source, s.Type, s.Masked))
		if s.Masked != strings.Contains(s.Expr, "***") {
			t.Errorf("%s is read by %s", s.Source, s.Expr)
		}
	}
	if want := "id String false, mail Nullable(String) true, v Int32 false"; strings.Join(got, ", ") != want {
		t.Errorf("shown are %q, want %s", got, want)
	}
}
