package mapping

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// What is said of a column's values means the same where a constant or an expression makes them.
func TestOptionsOfAFieldGoTogether(t *testing.T) {
	field := func(f spec.Field) []spec.Field { return []spec.Field{f} }
	constants := []spec.Part{{Table: "team", Key: "teamid", Const: `"` + someGUID + `"`}, {Table: "systemuser", Key: "systemuserid", Const: spec.Value(`"1` + someGUID[1:] + `"`)}}
	site := spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "new_country", Const: `"DE"`}, {Key: "new_site", From: "v"}}}
	currency := spec.Field{Column: "transactioncurrencyid", By: []spec.Part{{Key: "isocurrencycode", Const: `"usd"`}}}
	for _, c := range []struct {
		name   string
		fields []spec.Field
		v      any
		want   string // body, the code of the refusal, or a part of the problem
	}{
		{"a constant label of a language", field(spec.Field{Column: "gendercode", Const: `"männlich"`, Choice: spec.Label, Language: 1031}), "", `{"gendercode":1}`},
		{"a constant label in a language without", field(spec.Field{Column: "gendercode", Const: `"x"`, Choice: spec.Label, Language: 1036}), "", "gendercode has no labels in language 1036"},
		{"constant labels of a language", field(spec.Field{Column: "new_tags", Const: `["Musik", "sport "]`, Choice: spec.Label, Language: 1031}), "", `{"new_tags":"1,2"}`},
		{"a constant number beside choice: label", field(spec.Field{Column: "gendercode", Const: `2`, Choice: spec.Label}), "", `{"gendercode":2}`},
		{"a constant state", field(spec.Field{Column: "statecode", Const: `"inactive"`}), "", `{"statecode":1}`},
		{"a constant status", field(spec.Field{Column: "statuscode", Const: `2`}), "", `{"statecode":1,"statuscode":2}`},
		{"a constant state and a status of a column", []spec.Field{{Column: "statecode", Const: `1`}, {Column: "statuscode", From: "v", Null: spec.NullSkip}}, nil, `{"statecode":1}`},
		{"a constant state and another's status", []spec.Field{{Column: "statecode", Const: `0`}, {Column: "statuscode", From: "v"}}, "2", "state_mismatch"},
		{"a computed state", field(spec.Field{Column: "statecode", Expr: "v == 'gone' ? 1 : 0"}), "gone", `{"statecode":1}`},
		{"a computed status by label, skipped", field(spec.Field{Column: "statuscode", Expr: "v + ''", Choice: spec.Label, Null: spec.NullSkip}), nil, `{}`},
		{"a computed status by label", field(spec.Field{Column: "statuscode", Template: "G{{v}}", Choice: spec.Label}), "one", `{"statecode":1,"statuscode":2}`},
		{"words of an expression", field(spec.Field{Column: "donotemail", Expr: "lower(v)", Values: words("ja", "true", "nein", "false")}), "JA", `{"donotemail":true}`},
		{"a cut template", field(spec.Field{Column: "emailaddress1", Template: "{{v}} and so on", Truncate: true}), "x", `{"emailaddress1":"x and so o"}`},
		{"an expression without characters", field(spec.Field{Column: "firstname", Expr: "trim(v)", Empty: spec.EmptyNull, Null: spec.NullSkip}), " ", `{}`},
		{"empty of a constant", field(spec.Field{Column: "firstname", Const: `""`, Empty: spec.EmptySkip}), "", "empty: skip means nothing for a constant"},
		{"null of a constant", field(spec.Field{Column: "firstname", Const: `"x"`, Null: spec.NullError}), "", "null: error means nothing for a constant"},
		{"a cut constant", field(spec.Field{Column: "emailaddress1", Const: `"far too long for it"`, Truncate: true}), "", "truncate means nothing for a constant"},
		{"words for a constant", field(spec.Field{Column: "gendercode", Const: `"m"`, Values: words("m", "1")}), "", "values means nothing for a constant"},
		{"computed labels of several options", field(spec.Field{Column: "new_tags", Expr: "v", Choice: spec.Label}), "", "give numbers: '1,2'; or an array, made in the model"},
		{"labels of what has none", field(spec.Field{Column: "donotemail", From: "v", Choice: spec.Label}), "", "the options of donotemail have no labels"},

		{"a row chooses between constants", field(spec.Field{Column: "ownerid", ToFrom: "v", By: constants}), "team", `{"ownerid@odata.bind":"/teams(61f0c404-5cb3-11e7-907b-a6006ad3dba0)"}`},
		{"and the other one", field(spec.Field{Column: "ownerid", ToFrom: "v", By: constants}), "SystemUser", `{"ownerid@odata.bind":"/systemusers(11f0c404-5cb3-11e7-907b-a6006ad3dba0)"}`},
		{"or neither", field(spec.Field{Column: "ownerid", ToFrom: "v", By: constants, Null: spec.NullSkip}), nil, `{}`},
		{"a key with a constant", field(site), "7", `{"parentcustomerid_account@odata.bind":"/accounts(new_country='DE',new_site=7)"}`},
		{"a key of which only the constant is there", field(site), nil, `{"parentcustomerid_account":null}`},
		{"a constant that names nothing", field(spec.Field{Column: "ownerid", To: "team", By: []spec.Part{{Key: "teamid", Const: `" "`}}}), "", "text without characters names no record"},
		{"a constant currency", field(currency), "", `{"transactioncurrencyid@odata.bind":"/transactioncurrencies(61f0c404-5cb3-11e7-907b-a6006ad3dba0)"}`},
	} {
		for _, mode := range []spec.Mode{spec.Upsert, spec.Create} {
			t.Run(fmt.Sprint(c.name, " ", mode), func(t *testing.T) {
				typ := "Nullable(String)"
				if c.name == "a key with a constant" || strings.HasPrefix(c.name, "a key of") {
					typ = "Nullable(Int128)" // read as text too
				}
				in := input([]SourceColumn{{"v", typ}}, c.fields...)
				in.Sync.To.Mode = mode
				genders(&in)
				money(&in)
				for _, name := range []string{"statecode", "statuscode"} {
					state, _ := in.Table.Column(name)
					state.Creatable = true
				}
				p, err := Compile(in)
				if err != nil {
					if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
						t.Errorf("\n got %v\nwant %s", err, c.want)
					}
					return
				}
				body, _, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"id": "k", "v": c.v}))
				got := string(body)
				if cause != nil {
					got = cause.Code
				} else if !json.Valid(body) {
					t.Errorf("no JSON: %s", body)
				}
				if mode == spec.Create && cause == nil { // without what the key brings
					got = "{" + strings.TrimPrefix(got[strings.Index(got, `"externaluseridentifier":"k"`)+len(`"externaluseridentifier":"k"`):], ",")
				}
				if got != c.want {
					t.Errorf("\n got %s\nwant %s", got, c.want)
				}
			})
		}
	}
}

// Expressions aside, nothing is allocated for a row, whatever its fields are made of.
func TestNoFormAllocates(t *testing.T) {
	model := []SourceColumn{
		{"v", "Nullable(String)"},
		{"w", "String"},
		{"n", "Int32"},
		{"tags", "Array(String)"},
		{"kind", "String"},
		{"iso", "String"},
		{"status", "String"},
		{"dec", "Decimal(9, 2)"},
		{"num", "String"},
		{"f", "Float64"},
		{"day", "Date"},
		{"at", "DateTime('UTC')"},
		{"id2", "UUID"},
		{"flag", "Bool"},
		{"g", "UInt8"},
	}
	in := input(model,
		spec.Field{Column: "emailaddress1", From: "v", Truncate: true, Empty: spec.EmptyNull, Null: spec.NullSkip},
		spec.Field{Column: "description", From: "w", Mask: spec.Redact},
		spec.Field{Column: "gendercode", From: "w", Values: words("wörd", "1")},
		spec.Field{Column: "donotemail", From: "w", Values: words("WÖRD", "true")},
		spec.Field{Column: "new_tags", From: "tags", Choice: spec.Label},
		spec.Field{Column: "statuscode", From: "status", Choice: spec.Label}, spec.Field{Column: "statecode", Const: `1`},
		spec.Field{Column: "ownerid", ToFrom: "kind", By: []spec.Part{{Table: "team", Key: "teamid", Const: `"` + someGUID + `"`}, {Table: "systemuser", Key: "systemuserid", From: "id2"}}},
		spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "new_country", Const: `"DE"`}, {Key: "new_site", From: "n"}}},
		spec.Field{Column: "transactioncurrencyid", By: []spec.Part{{Key: "isocurrencycode", From: "iso"}}},
		spec.Field{Column: "firstname", Const: `"x"`},
		spec.Field{Column: "annualincome", From: "dec"}, spec.Field{Column: "new_no", From: "num"}, spec.Field{Column: "new_double", From: "f"},
		spec.Field{Column: "new_score", From: "g"}, spec.Field{Column: "birthdate", From: "day"}, spec.Field{Column: "new_utc", From: "at"}, spec.Field{Column: "new_uuid", From: "id2"},
	)
	genders(&in)
	money(&in)
	in.Sync.To.Mode = spec.Create
	for _, name := range []string{"statecode", "statuscode"} {
		state, _ := in.Table.Column(name)
		state.Creatable = true
	}
	p := compile(t, in)
	forms := map[form]bool{}
	for i := range p.fields {
		forms[p.fields[i].form] = true
	}
	for f := formText; f <= formState; f++ {
		if !forms[f] {
			t.Errorf("no field has the form %d", f)
		}
	}
	r := scan(t, p, "k", map[string]any{
		"id": "k", "v": "longer than ten characters", "w": "Wörd", "n": "7", "tags": "Music\x1fSport", "kind": "TEAM", "iso": "eur", "status": "gone", "dec": "12.50", "num": "7",
		"f": 0.25, "day": "2026-01-31", "at": "2026-01-31T12:00:00Z", "id2": someGUID, "flag": uint8(1), "g": uint64(1),
	})
	body, address := make([]byte, 0, 1<<16), make([]byte, 0, 1<<12)
	var cause *penstock.Cause
	if n := testing.AllocsPerRun(100, func() { _, _, cause = p.Append(body, address, r) }); n > 0 || cause != nil {
		t.Errorf("%v allocations, %v", n, cause)
	}
}

// A test of a sync can expect whatever the sync can send.
func TestAStateCanBeExpected(t *testing.T) {
	in := input([]SourceColumn{{"v", "String"}, {"tags", "Array(String)"}},
		spec.Field{Column: "statuscode", From: "v", Choice: spec.Label}, spec.Field{Column: "new_tags", From: "tags", Choice: spec.Label, Language: 1031})
	in.Sync.Tests = []spec.Test{{
		Given: []spec.Given{{Name: spec.Name{Column: "id"}, Value: `"k"`}, {Name: spec.Name{Column: "v"}, Value: `"gone"`}, {Name: spec.Name{Column: "tags"}, Value: `["musik", "Sport"]`}},
		Expect: []spec.Expectation{
			{Name: spec.Name{Column: "statuscode"}, Value: `"Gone"`}, {Name: spec.Name{Column: "statecode"}, Value: `1`}, {Name: spec.Name{Column: "new_tags"}, Value: `["Musik", "Sport"]`}, {Name: spec.Name{Column: "new_tags"}, Value: `[2, 1]`},
		},
	}}
	status, _ := in.Table.Column("statuscode")
	status.Options[1] = dataverse.Option{Value: 2, Label: "Gone", State: 1}
	if failures, err := Try(in); err != nil || len(failures) > 0 {
		t.Error(failures, err)
	}
}
