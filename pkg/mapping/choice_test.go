package mapping

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// genders gives gendercode labels of several languages.
func genders(in *Input) {
	column, _ := in.Table.Column("gendercode")
	column.Options = []dataverse.Option{
		{Value: 1, Label: "Male", Labels: map[int]string{1033: "Male", 1031: "Männlich"}},
		{Value: 2, Label: "Female", Labels: map[int]string{1033: "Female", 1031: " Weiblich "}},
		{Value: 3, Label: "Straße", Labels: map[int]string{1033: "Straße"}},
		{Value: 4},
	}
}

func words(pairs ...string) (all []spec.Translation) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, spec.Translation{Word: pairs[i], Value: spec.Value(pairs[i+1])})
	}
	return all
}

func TestAChoiceIsGivenByNumberLabelOrWord(t *testing.T) {
	label := spec.Field{Column: "gendercode", From: "v", Choice: spec.Label}
	german := spec.Field{Column: "gendercode", From: "v", Choice: spec.Label, Language: 1031}
	word := spec.Field{Column: "gendercode", From: "v", Values: words("m", `"male"`, "F", `2`, "", `"3"`, "Ä", `"3"`)}
	tags := column("new_tags")
	tagged := spec.Field{Column: "new_tags", From: "v", Choice: spec.Label}
	skipped := spec.Field{Column: "new_tags", From: "v", Null: spec.NullSkip}
	paid := spec.Field{Column: "donotemail", From: "v", Values: words("ja", "true", "nein", "false")}
	allowed := spec.Field{Column: "donotemail", From: "v", Choice: spec.Label}
	with := func(f spec.Field, change func(*spec.Field)) spec.Field {
		change(&f)
		return f
	}
	emptyNull := with(label, func(f *spec.Field) { f.Empty = spec.EmptyNull })
	noEmpty := with(label, func(f *spec.Field) { f.Empty = spec.EmptyError })
	noNull := with(label, func(f *spec.Field) { f.Null = spec.NullError })
	noTags := with(tags, func(f *spec.Field) { f.Null = spec.NullError })
	for _, c := range []struct {
		field       spec.Field
		expr, value string // of the body, or the code of the refusal
	}{
		{label, `'Male'`, `1`},
		{label, `toLowCardinality(toNullable(' fEMALE '))`, `2`},
		{label, `CAST('Female' AS Enum8('Male' = 7, 'Female' = 1))`, `2`},
		{label, `toFixedString('Male', 10)`, `1`},
		{label, `'STRAßE'`, `3`},
		{label, `CAST(NULL AS Nullable(String))`, `null`},
		{label, `''`, "choice_unknown"},
		{emptyNull, `''`, `null`},
		{noEmpty, `''`, "empty_refused"},
		{noNull, `CAST(NULL AS Nullable(String))`, "null_refused"},
		{label, `'Männlich'`, "choice_unknown"},
		{label, `'1'`, "choice_unknown"},
		{label, `'\xff'`, "choice_unknown"},
		{german, `'MÄNNLICH'`, `1`},
		{german, `'weiblich'`, `2`},
		{german, `'Straße'`, `3`}, // has no German label
		{german, `'Male'`, "choice_unknown"},
		{word, `'M'`, `1`},
		{word, `' f'`, `2`},
		{word, `'ä'`, `3`},
		{word, `''`, `3`},
		{word, `'Male'`, "choice_unknown"},
		{word, `'1'`, "choice_unknown"},
		{spec.Field{Column: "gendercode", From: "v", Values: words("0", "1", "1", "2")}, `toUInt8(1)`, `2`},
		{spec.Field{Column: "gendercode", From: "v", Values: words("true", "1", "false", "2")}, `false`, `2`},
		{spec.Field{Column: "gendercode", From: "v", Values: words("Mann", `"weiblich"`), Language: 1031}, `'Mann'`, `2`},

		{tags, `[3, 1, 3]`, `"1,3"`},
		{tags, `CAST([1, NULL, 2] AS Array(Nullable(Int64)))`, `"1,2"`},
		{tags, `[]::Array(UInt8)`, `null`},
		{noTags, `[]::Array(UInt8)`, "null_refused"},
		{tags, `['2', ' 1 ', '']`, `"1,2"`},
		{tags, `['4']`, "choice_unknown"},
		{tags, `[1.5::Decimal(4, 1)::String]`, "choice_unknown"},
		{tags, `['1\x1f2']`, "choice_unknown"}, // one item, not two
		{tags, `'3, 1,2,1'`, `"1,2,3"`},
		{tags, `toUInt16(2)`, `"2"`},
		{tags, `','`, `null`},
		{tags, `CAST(NULL AS Nullable(String))`, `null`},
		{tags, `'1;2'`, "choice_unknown"},
		{skipped, `[]::Array(String)`, ``},
		{tagged, `['MUSIC', 'Rock, Pop']`, `"2,3"`},
		{tagged, `[toLowCardinality('Sport')]`, `"1"`},
		{tagged, `CAST(['Sport', 'Music'] AS Array(LowCardinality(Nullable(String))))`, `"1,2"`},
		{tagged, `CAST(['b'] AS Array(Enum8('b' = 1)))`, "choice_unknown"},
		{tagged, `CAST(['Music'] AS Array(Enum8('Music' = 1)))`, `"2"`},
		{spec.Field{Column: "new_tags", From: "v", Values: words("x", "3", "y", `"sport"`)}, `['y', 'X', 'x']`, `"1,3"`},

		{paid, `'JA'`, `true`},
		{paid, `'nein '`, `false`},
		{paid, `'vielleicht'`, "boolean_invalid"},
		{allowed, `'do not allow'`, `true`},
		{allowed, `'Allow'`, `false`},
	} {
		t.Run(fmt.Sprintf("%s of %s from %s", c.field.Column, c.field.Choice, c.expr), func(t *testing.T) {
			lines, _ := run(t, "SELECT 'K' AS id, "+c.expr+" AS v", func(in *Input) {
				genders(in)
				allowed, _ := in.Table.Column("donotemail")
				allowed.Options = []dataverse.Option{{Value: 0, Label: "Allow"}, {Value: 1, Label: "Do Not Allow"}}
			}, c.field)
			want := c.value
			if !strings.Contains(c.value, "_") {
				want = `"k" contacts(externaluseridentifier='K') {"` + c.field.Column + `":` + c.value + "}"
			}
			if c.value == "" {
				want = `"k" contacts(externaluseridentifier='K') {}`
			}
			if len(lines) != 1 || lines[0] != want {
				t.Errorf("\n got %s\nwant %s", lines, want)
			}
		})
	}
}

func TestTheCauseOfAnUnknownOptionSaysWhatThereIs(t *testing.T) {
	in := input([]SourceColumn{{"v", "String"}}, spec.Field{Column: "gendercode", From: "v", Choice: spec.Label})
	genders(&in)
	column, _ := in.Table.Column("gendercode")
	for i := range 10 {
		column.Options = append(column.Options, dataverse.Option{Value: int32(10 + i), Label: fmt.Sprint("Label ", i)})
	}
	p := compile(t, in)
	_, _, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"id": "k", "v": "secret"}))
	want := "v is not the label of an option: Male, Female, Straße, Label 0, Label 1, Label 2, Label 3, Label 4 and more"
	if cause == nil || cause.Message != want || cause.Column != "gendercode" {
		t.Errorf("%+v", cause)
	}
}

func TestAMultiSelectColumnTakesNoMoreOptionsThanDataverseDoes(t *testing.T) {
	in := input([]SourceColumn{{"v", "Array(UInt16)"}}, column("new_tags"))
	tags, _ := in.Table.Column("new_tags")
	tags.Options = nil
	var numbers []string
	for i := range maxOptions + 1 {
		tags.Options = append(tags.Options, dataverse.Option{Value: int32(i)})
		numbers = append(numbers, fmt.Sprint(i))
	}
	p := compile(t, in)
	slices.Reverse(numbers)
	row := scan(t, p, "k", map[string]any{"id": "k", "v": strings.Join(numbers[:maxOptions], "\x1f")})
	if body, _, cause := p.Append(nil, nil, row); cause != nil || !strings.HasPrefix(string(body), `{"new_tags":"1,2,3,`) {
		t.Errorf("%s %v", body, cause)
	}
	row = scan(t, p, "k", map[string]any{"id": "k", "v": strings.Join(numbers, "\x1f")})
	if _, _, cause := p.Append(nil, nil, row); cause == nil || cause.Code != "too_many_options" {
		t.Errorf("%v", cause)
	}
}

func TestTheOrderOfAnArrayDoesNotChangeItsHash(t *testing.T) {
	hash := func(array string) string {
		_, hashes := run(t, "SELECT 'k' AS id, "+array+" AS v", nil, column("new_tags"))
		return hashes[0]
	}
	if hash("[1, 2, 3]") != hash("[3, 1, 2, 2]") {
		t.Error("the same options in another order look changed")
	}
	if hash("[1, 2]") == hash("[1, 3]") || hash("['1', '2']") == hash("['1,2']") {
		t.Error("other options look unchanged")
	}
}

func TestChoicesThatCannotBeAreReportedWithTheWayOut(t *testing.T) {
	for _, c := range []struct {
		field spec.Field
		typ   string
		want  string
	}{
		{spec.Field{Column: "gendercode", From: "v", Choice: spec.Label, Language: 1036}, "String", "gendercode has no labels in language 1036; there are labels in 1031, 1033"},
		{spec.Field{Column: "gendercode", From: "v", Language: 1031}, "UInt8", "language says which labels are meant, and this field is filled with numbers; add choice: label"},
		{spec.Field{Column: "gendercode", From: "v", Choice: spec.Label}, "UInt8", "UInt8 cannot be written to a column of type choice; give the number of an option: 1 Male, 2 Female"},
		{spec.Field{Column: "gendercode", From: "v", Choice: spec.Label, Values: words("m", "1")}, "String", "drop choice: label"},
		{spec.Field{Column: "gendercode", From: "v", Values: words("m", "9")}, "String", "values.m: gendercode has no option 9; there are 1 Male, 2 Female, 3 Straße, 4"},
		{spec.Field{Column: "gendercode", From: "v", Values: words("m", `"Mael"`)}, "String", "values.m: gendercode has no option Mael; did you mean Male?"},
		{spec.Field{Column: "gendercode", From: "v", Values: words("m", "1", " M", "2")}, "String", "values says both of m and  M, and neither case nor blanks count; keep one of them"},
		{spec.Field{Column: "gendercode", From: "v", Values: words("m", "true")}, "String", "values.m: gendercode has no option true"},
		{spec.Field{Column: "new_tags", From: "v", Choice: spec.Label}, "String", "write splitByChar(';', v) AS v in the model"},
		{spec.Field{Column: "new_tags", From: "v", Values: words("a\x1fb", "1")}, "Array(String)", "a word of values has a control character"},
		{spec.Field{Column: "new_tags", From: "v"}, "Array(Enum8('a' = 1))", "write new_tags: {from: v, choice: label}, or values: {word: option}"},
		{spec.Field{Column: "firstname", From: "v", Choice: spec.Label}, "String", "choice says how options are given, and this is a column of type text; drop choice"},
		{spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "accountid", From: "v"}}, Choice: spec.Label}, "String", "choice says how options are given, and this is a column of type lookup; drop choice"},
		{spec.Field{Column: "new_twins", From: "v", Choice: spec.Label}, "String", "the options 5 and 7 have the same label, Web; give numbers, or say which is meant: values: {Web: 5, …}"},
		{spec.Field{Column: "new_twins", From: "v", Values: words("w", `"web"`)}, "String", "values.w: the options 5 and 7 have the same label, web; give the number"},
		{spec.Field{Column: "new_void", From: "v", Choice: spec.Label}, "String", "Dataverse names no options of new_void"},
	} {
		t.Run(c.want, func(t *testing.T) {
			in := input([]SourceColumn{{"v", c.typ}}, c.field)
			genders(&in)
			for _, name := range []string{"new_twins", "new_void"} {
				in.Table.Columns = append(in.Table.Columns, dataverse.Column{Name: name, Type: dataverse.Choice, Creatable: true})
			}
			slices.SortFunc(in.Table.Columns, func(a, b dataverse.Column) int { return strings.Compare(a.Name, b.Name) })
			twins, _ := in.Table.Column("new_twins")
			twins.Options = []dataverse.Option{{Value: 5, Label: "Web"}, {Value: 6, Label: "Shop"}, {Value: 7, Label: "WEB "}}
			_, err := Compile(in)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestALabelOfAFieldByLabelIsPartOfItsFingerprint(t *testing.T) {
	fingerprint := func(change func(*dataverse.Column), f spec.Field) uint64 {
		in := input([]SourceColumn{{"v", "String"}}, f)
		genders(&in)
		column, _ := in.Table.Column(f.Column)
		change(column)
		return compile(t, in).Fingerprint()
	}
	keep := func(*dataverse.Column) {}
	renamed := func(c *dataverse.Column) { c.Options[1].Label = "Woman" }
	german := func(c *dataverse.Column) { c.Options[1].Labels[1031] = "Frau" }
	label := spec.Field{Column: "gendercode", From: "v", Choice: spec.Label}
	inGerman := spec.Field{Column: "gendercode", From: "v", Choice: spec.Label, Language: 1031}
	word := spec.Field{Column: "gendercode", From: "v", Values: words("f", "2")}
	if fingerprint(keep, label) == fingerprint(renamed, label) || fingerprint(keep, inGerman) == fingerprint(german, inGerman) {
		t.Error("a changed label changes nothing")
	}
	if fingerprint(keep, label) != fingerprint(german, label) || fingerprint(keep, word) != fingerprint(renamed, word) {
		t.Error("a label that is not used changes the fingerprint")
	}
	if fingerprint(keep, word) == fingerprint(keep, spec.Field{Column: "gendercode", From: "v", Values: words("f", "1")}) {
		t.Error("another option for a word changes nothing")
	}
}

func TestOptionsAreFoundWithoutAllocating(t *testing.T) {
	in := input([]SourceColumn{{"v", "String"}, {"tags", "Array(String)"}, {"status", "String"}, {"kind", "String"}, {"no", "String"}, {"iso", "String"}},
		spec.Field{Column: "gendercode", From: "v", Choice: spec.Label, Language: 1031},
		spec.Field{Column: "new_tags", From: "tags", Choice: spec.Label},
		spec.Field{Column: "statuscode", From: "status", Choice: spec.Label},
		eitherCustomer(), inCurrency())
	genders(&in)
	money(&in)
	p := compile(t, in)
	row := scan(t, p, "k", map[string]any{
		"id": "k", "v": " mÄnnlich ", "tags": "Rock, Pop\x1fMUSIC\x1fmusic", "status": "gone", "kind": "Contact", "no": "7", "iso": "eur",
	})
	body, address := make([]byte, 0, 1<<10), make([]byte, 0, 1<<10)
	if n := testing.AllocsPerRun(100, func() {
		if _, _, cause := p.Append(body, address, row); cause != nil {
			t.Fatal(cause)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
	if got, _, _ := p.Append(nil, nil, row); string(got) != `{"gendercode":1,"new_tags":"2,3","parentcustomerid_contact@odata.bind":"/contacts(externaluseridentifier='7')",`+
		`"transactioncurrencyid@odata.bind":"/transactioncurrencies(`+euro+`)","statecode":1,"statuscode":2}` {
		t.Errorf("%s", got)
	}
}

// A text is found exactly where a comparison without regard to case finds it.
func FuzzVocabulary(f *testing.F) {
	f.Add("Kunde", "kunde ", "\u212Aunde")
	f.Add("ſtraße", "STRAẞE", "strasse")
	f.Add("", "\xff", "\ufffd")
	f.Add("a", "ab", "Ä")
	f.Fuzz(func(t *testing.T, one, two, s string) {
		v, clash := newVocabulary([]string{one, two}, []int32{1, 2})
		same := func(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }
		if same(one, two) != (clash != nil) {
			t.Fatalf("%q and %q clash: %v", one, two, clash)
		}
		if clash != nil {
			return
		}
		var want int32
		switch {
		case same(s, one):
			want = 1
		case same(s, two):
			want = 2
		}
		if got, _ := v.find(s); got != want {
			t.Errorf("%q among %q and %q: %d, want %d", s, one, two, got, want)
		}
	})
}

// FuzzOptions: a list of options is refused, or reads back as the numbers that are in it, each once and in order.
func FuzzOptions(f *testing.F) {
	f.Add("1,2")
	f.Add("3 ,, 1,1")
	f.Add("4")
	in := input([]SourceColumn{{"v", "String"}}, column("new_tags"))
	p, err := Compile(in)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		body, _, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"id": "k", "v": s}))
		seen := map[string]bool{}
		valid := true
		for item := range strings.SplitSeq(s, ",") {
			item = strings.TrimSpace(item)
			n, ok := parseNumeral(item)
			v, whole := n.int64()
			switch {
			case item == "":
			case !ok || !whole || v < 1 || v > 3:
				valid = false
			default:
				seen[fmt.Sprint(v)] = true
			}
		}
		if valid != (cause == nil) {
			t.Fatalf("%q: %s %v", s, body, cause)
		}
		var sorted []string
		for n := range seen {
			sorted = append(sorted, n)
		}
		slices.Sort(sorted)
		want := `{"new_tags":"` + strings.Join(sorted, ",") + `"}`
		if len(sorted) == 0 {
			want = `{"new_tags":null}`
		}
		if valid && string(body) != want {
			t.Errorf("%q became %s", s, body)
		}
		if strings.ContainsFunc(string(body), unicode.IsControl) {
			t.Errorf("%q", body)
		}
	})
}
