package mapping

import (
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-sync/penstock/pkg/spec"
)

// Whoever adds an option to spec.Field has to say here how two syncs differ in it.
func TestEachOptionOfAFieldIsInTheFingerprint(t *testing.T) {
	part := func(p spec.Part) []spec.Part { return []spec.Part{p} }
	lookup := spec.Field{Column: "parentcustomerid", To: "account", By: part(spec.Part{Key: "accountnumber", From: "v"})}
	chosen := spec.Field{Column: "ownerid", ToFrom: "v", By: part(spec.Part{Table: "team", Key: "teamid", From: "w"})}
	label := spec.Field{Column: "gendercode", From: "v", Choice: spec.Label}
	state := spec.Field{Column: "statuscode", From: "v"}
	type pair [2]spec.Field
	change := func(f spec.Field, set func(*spec.Field)) pair {
		other := f
		set(&other)
		return pair{f, other}
	}
	memo := column("description")
	options := map[string][]pair{
		"Column": {change(memo, func(f *spec.Field) { f.Column = "firstname" })},
		"From":   {change(memo, func(f *spec.Field) { f.From = "w" }), change(state, func(f *spec.Field) { f.From = "w" })},
		"Const": {
			{{Column: "description", Const: `"a"`}, {Column: "description", Const: `"b"`}},
			{{Column: "statecode", Const: `0`}, {Column: "statecode", Const: `1`}},
			{{Column: "new_tags", Const: `[1]`}, {Column: "new_tags", Const: `[2]`}},
			{{Column: "gendercode", Const: `1`}, {Column: "gendercode", Const: `2`}},
		},
		"Expr": {
			{{Column: "description", Expr: "v"}, {Column: "description", Expr: "w"}},
			{{Column: "statecode", Expr: "1"}, {Column: "statecode", Expr: "0"}},
			{{Column: "description", Expr: "v"}, {Column: "description", Template: "{{v}}"}},
			{memo, {Column: "description", Expr: "v"}},
		},
		"Template": {{{Column: "description", Template: "{{v}}"}, {Column: "description", Template: "{{v}} "}}},
		"To":       {{{Column: "ownerid", To: "team", By: part(spec.Part{Key: "teamid", From: "v"})}, {Column: "ownerid", To: "systemuser", By: part(spec.Part{Key: "systemuserid", From: "v"})}}},
		"ToFrom":   {change(chosen, func(f *spec.Field) { f.ToFrom = "w" }), {{Column: "ownerid", To: "team", By: part(spec.Part{Key: "teamid", From: "w"})}, chosen}},
		"By": {
			change(lookup, func(f *spec.Field) { f.By = part(spec.Part{Key: "accountid", From: "v"}) }),
			change(lookup, func(f *spec.Field) { f.By = part(spec.Part{Key: "accountnumber", From: "w"}) }),
			change(lookup, func(f *spec.Field) { f.By = part(spec.Part{Key: "accountnumber", Const: `"1"`}) }),
			change(chosen, func(f *spec.Field) {
				f.By = []spec.Part{f.By[0], {Table: "systemuser", Key: "systemuserid", From: "w"}}
			}),
			change(chosen, func(f *spec.Field) { f.By = part(spec.Part{Table: "team", Key: "teamid", Const: `"` + someGUID + `"`}) }),
			{
				{Column: "ownerid", ToFrom: "v", By: part(spec.Part{Table: "team", Key: "teamid", Const: `"` + someGUID + `"`})},
				{Column: "ownerid", ToFrom: "v", By: part(spec.Part{Table: "team", Key: "teamid", Const: spec.Value(`"1` + someGUID[1:] + `"`)})},
			},
		},
		"Empty":    {},
		"Null":     {},
		"Truncate": {change(memo, func(f *spec.Field) { f.Truncate = true }), change(spec.Field{Column: "description", Template: "{{v}}"}, func(f *spec.Field) { f.Truncate = true })},
		"Choice":   {change(spec.Field{Column: "gendercode", From: "v"}, func(f *spec.Field) { f.Choice = spec.Label }), change(state, func(f *spec.Field) { f.Choice = spec.Label })},
		"Language": {change(label, func(f *spec.Field) { f.Language = 1031 })},
		"Values": {
			change(spec.Field{Column: "gendercode", From: "v", Values: words("a", "1")}, func(f *spec.Field) { f.Values = words("b", "1") }),
			change(spec.Field{Column: "gendercode", From: "v", Values: words("a", "1")}, func(f *spec.Field) { f.Values = words("a", "2") }),
			change(spec.Field{Column: "donotemail", From: "v", Values: words("a", "true")}, func(f *spec.Field) { f.Values = words("a", "false") }),
			change(state, func(f *spec.Field) { f.Values = words("a", "1") }),
		},
		"Mask": {change(memo, func(f *spec.Field) { f.Mask = spec.Hash }), change(memo, func(f *spec.Field) { f.Mask = spec.Redact })},
	}
	for _, f := range []spec.Field{memo, lookup, chosen, label, state, {Column: "donotemail", From: "v", Values: words("a", "true")}, {Column: "new_tags", From: "v"}, {Column: "description", Expr: "v"}} {
		for _, null := range []spec.Null{spec.NullSkip, spec.NullError} {
			options["Null"] = append(options["Null"], change(f, func(f *spec.Field) { f.Null = null }))
		}
		for _, empty := range []spec.Empty{spec.EmptyNull, spec.EmptySkip, spec.EmptyError} {
			if len(f.By) == 0 {
				options["Empty"] = append(options["Empty"], change(f, func(f *spec.Field) { f.Empty = empty }))
			}
		}
	}
	fingerprint := func(fields ...spec.Field) uint64 {
		in := input([]SourceColumn{{"v", "Nullable(String)"}, {"w", "String"}}, fields...)
		genders(&in)
		return compile(t, in).Fingerprint()
	}
	for _, option := range reflect.VisibleFields(reflect.TypeFor[spec.Field]()) {
		if option.Name == "At" || option.Name == "TextAt" {
			continue
		}
		if len(options[option.Name]) == 0 {
			t.Errorf("nothing is known of the option %s", option.Name)
		}
		for i, p := range options[option.Name] {
			if fingerprint(p[0]) == fingerprint(p[1]) {
				t.Errorf("%s %d: %+v and %+v have one fingerprint", option.Name, i, p[0], p[1])
			}
		}
	}
	a, b := spec.Field{Column: "firstname", Expr: "v"}, spec.Field{Column: "lastname", Template: "{{w}}"}
	c, d := spec.Field{Column: "ownerid", To: "team", By: part(spec.Part{Key: "teamid", Const: `"` + someGUID + `"`})}, spec.Field{Column: "description", Expr: "w"}
	if fingerprint(a, b, c, d) != fingerprint(d, c, b, a) {
		t.Error("the order of what is computed is in the fingerprint")
	}
}

// What a row is sent from decides whether it has changed.
func TestTheHashCoversEverySource(t *testing.T) {
	model := []SourceColumn{{"v", "Nullable(String)"}, {"w", "String"}, {"n", "Int32"}, {"tags", "Array(String)"}}
	for name, f := range map[string]spec.Field{
		"v": column("firstname"), "n, v": {Column: "firstname", Template: "{{v}} {{n}}"}, "v, w": {Column: "ownerid", ToFrom: "v", By: []spec.Part{{Table: "team", Key: "teamid", From: "w"}}},
		"w":    {Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "new_country", From: "w"}, {Key: "new_site", Const: "7"}}},
		"tags": {Column: "new_tags", From: "tags", Choice: spec.Label}, "v by words": {Column: "donotemail", From: "v", Values: words("a", "true")},
		"w, hashed": {Column: "description", From: "w", Mask: spec.Hash}, "n": {Column: "statecode", Expr: "n > 0 ? 1 : 0"},
	} {
		p := compile(t, input(model, f))
		var names []string
		for _, s := range p.used {
			names = append(names, s.name)
		}
		want, _, _ := strings.Cut(strings.TrimSuffix(name, ", hashed"), " by ")
		if got := strings.Join(names, ", "); got != want {
			t.Errorf("%s: the hash covers %s", name, got)
		}
		xxh3, _ := p.HashExprs()
		if name == "w, hashed" && !strings.Contains(xxh3, "SHA256") {
			t.Errorf("the hash shows what is masked: %s", xxh3)
		}
	}
}
