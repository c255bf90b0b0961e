package mapping

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/penstock-sync/penstock/pkg/spec"
)

func TestNullAndEmptyTextDoWhatTheSyncSays(t *testing.T) {
	const null = "CAST(NULL AS Nullable(String))"
	for _, c := range []struct {
		name   string
		column string
		expr   string
		null   spec.Null
		empty  spec.Empty
		want   string
	}{
		{"null: write", "firstname", null, spec.NullWrite, "", "null"},
		{"null: skip", "firstname", null, spec.NullSkip, "", "nothing"},
		{"null: error", "firstname", null, spec.NullError, "", "null_refused"},
		{"null: error, and there is a value", "firstname", "toNullable('x')", spec.NullError, "", `"x"`},
		{"null: error on a number", "new_no", "CAST(NULL AS Nullable(Int8))", spec.NullError, "", "null_refused"},
		{"empty: write", "firstname", "''", spec.NullSkip, spec.EmptyWrite, `""`},
		{"empty: null", "firstname", "''", spec.NullWrite, spec.EmptyNull, "null"},
		{"empty: null, null: skip", "firstname", "''", spec.NullSkip, spec.EmptyNull, "nothing"},
		{"empty: null, null: error", "firstname", "''", spec.NullError, spec.EmptyNull, "null_refused"},
		{"empty: skip", "firstname", "toNullable('')", spec.NullError, spec.EmptySkip, "nothing"},
		{"empty: skip, and it is NULL", "firstname", null, spec.NullWrite, spec.EmptySkip, "null"},
		{"empty: error", "firstname", "''", spec.NullWrite, spec.EmptyError, "empty_refused"},
		{"empty: error, and it is NULL", "firstname", null, spec.NullWrite, spec.EmptyError, "null"},
		{"empty: error, and it is a blank", "firstname", "' '", spec.NullWrite, spec.EmptyError, `" "`},
		{"empty: null for a number", "new_no", "''", spec.NullWrite, spec.EmptyNull, "null"},
		{"empty: skip for a GUID", "new_uuid", "''", spec.NullWrite, spec.EmptySkip, "nothing"},
		{"empty fixed text", "firstname", "toFixedString('', 3)", spec.NullWrite, spec.EmptyNull, "null"},
		{"the empty name of an enum", "firstname", "CAST('' AS Enum8('' = 1))", spec.NullWrite, spec.EmptyError, "empty_refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			pairOf(t, c.column, c.expr, c.want, func(f *spec.Field) { f.Null, f.Empty = c.null, c.empty })
		})
	}
}

func TestALookupThatIsNULLIsRefusedWhereTheSyncSaysSo(t *testing.T) {
	f := spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "accountnumber", From: "v"}}, Null: spec.NullError}
	lines, _ := run(t, "SELECT 'k' AS id, arrayJoin(['', 'A1']) AS v", nil, f)
	if len(lines) != 2 || lines[0] != "null_refused" || !strings.Contains(lines[1], "accountnumber='A1'") {
		t.Errorf("%q", lines)
	}
}

func TestWordsOfTheSyncAreTrueOrFalse(t *testing.T) {
	for _, c := range []struct{ expr, want string }{
		{"'ja'", "true"},
		{"' JA '", "true"},
		{"'Nein'", "false"},
		{"'ÜBERALL'", "true"},
		{"'j'", "boolean_invalid"},
		{"''", "boolean_invalid"},
		{"toNullable('nein')", "false"},
		{"CAST(NULL AS Nullable(String))", "null"},
		{"toUInt8(2)", "false"},
		{"toInt64(1)", "boolean_invalid"},
		{"CAST('ja' AS Enum8('ja' = 7))", "true"},
		{"toFixedString('ja', 8)", "true"},
	} {
		pairOf(t, "donotemail", c.expr, c.want, func(f *spec.Field) {
			f.Values = []spec.Translation{{Word: "ja", Value: "true"}, {Word: "nein", Value: "false"}, {Word: "überall", Value: "true"}, {Word: "2", Value: "false"}}
		})
	}
}

func TestAMaskIsMadeInTheWarehouse(t *testing.T) {
	sum := func(s string) string { h := sha256.Sum256([]byte(s)); return `"` + hex.EncodeToString(h[:]) + `"` }
	for _, c := range []struct {
		mask       spec.Mask
		expr, want string
	}{
		{spec.Hash, "'anna@example.com'", sum("anna@example.com")},
		{spec.Hash, "toLowCardinality(toNullable('x'))", sum("x")},
		{spec.Hash, "toInt64(-7)", sum("-7")},
		{spec.Hash, "''", `""`},
		{spec.Hash, "CAST(NULL AS Nullable(String))", "null"},
		{spec.Redact, "'anna@example.com'", `"***"`},
		{spec.Redact, "toNullable('x')", `"***"`},
		{spec.Redact, "''", `""`},
		{spec.Redact, "CAST(NULL AS Nullable(UUID))", "null"},
	} {
		pairOf(t, "description", c.expr, c.want, func(f *spec.Field) { f.Mask = c.mask })
	}
	pairOf(t, "description", "''", "null", func(f *spec.Field) { f.Mask, f.Empty = spec.Redact, spec.EmptyNull })
}

// Nothing but the mask leaves the warehouse: neither as a value nor as a trace in the row's hash.
func TestWhatIsMaskedIsNeitherReadNorHashed(t *testing.T) {
	masked := column("description")
	masked.Mask = spec.Redact
	hash := func(expr string, fields ...spec.Field) string {
		_, hashes := run(t, "SELECT 'k' AS id, CAST("+expr+" AS Nullable(String)) AS v", nil, fields...)
		return hashes[0]
	}
	if hash("'anna'", masked) != hash("'otto'", masked) {
		t.Error("the hash tells two redacted values apart")
	}
	for _, other := range []string{"''", "NULL"} {
		if hash("'anna'", masked) == hash(other, masked) {
			t.Errorf("a redacted value looks like %s", other)
		}
	}
	if hash("'anna'", masked, column("firstname")) == hash("'otto'", masked, column("firstname")) {
		t.Error("a column that is sent masked and clear is hashed masked alone")
	}
	p := compile(t, input([]SourceColumn{{"v", "Nullable(String)"}}, masked))
	for _, e := range p.Exprs() {
		if strings.Contains(strings.ReplaceAll(strings.ReplaceAll(e, "substring(CAST(`v` AS Nullable(String)), 1, 0)", ""), "CAST(`v` AS Nullable(String)) = ''", ""), "CAST(`v`") {
			t.Errorf("%s reads the value", e)
		}
	}
}

func TestTextIsCutOnlyWhenAskedAndCounted(t *testing.T) {
	cut := func(name string) spec.Field { return spec.Field{Column: name, From: name, Truncate: true} }
	in := input([]SourceColumn{{"emailaddress1", "String"}, {"firstname", "Nullable(String)"}, {"new_no", "Int8"}}, cut("emailaddress1"), cut("firstname"),
		spec.Field{Column: "new_no", From: "new_no"})
	p := compile(t, in)
	r := scan(t, p, "k", map[string]any{"id": "k", "emailaddress1": strings.Repeat("x", 11), "firstname": "Anna", "new_no": int64(1)})
	body, _, cause := p.Append(nil, nil, r)
	if cause != nil || string(body) != `{"emailaddress1":"xxxxxxxxxx","firstname":"Anna","new_no":1}` {
		t.Fatalf("%s %v", body, cause)
	}
	if _, _, cause := p.Append(nil, nil, r); cause != nil {
		t.Fatal(cause)
	}
	copy(r.ints, []int64{101}) // a row that is refused has cut nothing
	if _, _, cause := p.Append(nil, nil, r); cause == nil || cause.Code != "out_of_range" {
		t.Fatal(cause)
	}
	if cuts := p.Cuts(r); len(cuts) != 1 || cuts[0] != (Cut{"emailaddress1", 2}) {
		t.Errorf("%v", cuts)
	}
}

func TestACutLeavesWholeCharacters(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"ASCII", "0123456789abc", "0123456789"},
		{"at a surrogate pair", "012345678😀", "012345678"},
		{"after one", "01234567😀x", "01234567😀"},
		{"an accent of its own", "012345678e\u0301x", "012345678"},
		{"two accents", "012345678e\u0301\u0323x", "012345678"},
		{"an accent within", "01234567e\u0301xx", "01234567e\u0301"},
		{"an emoji of two", "01234567👩\u200d💻x", "01234567"},
		{"a colour of skin", "01234567👍🏽x", "01234567"},
		{"one long character", "e" + strings.Repeat("\u0301", 20), "e" + strings.Repeat("\u0301", 9)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := cutText(c.text, 10); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func FuzzCutText(f *testing.F) {
	f.Add("012345678😀", 9)
	f.Add("👩\u200d💻", 3)
	f.Fuzz(func(t *testing.T, s string, most int) {
		if !utf8.ValidString(s) || most < 1 || utf16Length(s) <= most {
			return
		}
		got := cutText(s, most)
		if !strings.HasPrefix(s, got) || !utf8.ValidString(got) || len(utf16.Encode([]rune(got))) > most {
			t.Errorf("%q cut to %d: %q", s, most, got)
		}
	})
}

func TestOptionsThatMeanNothingAreRefused(t *testing.T) {
	with := func(name, typ string, set func(*spec.Field)) error {
		f := column(name)
		set(&f)
		_, err := Compile(input([]SourceColumn{{"v", typ}}, f))
		return err
	}
	words := func(pairs ...string) func(*spec.Field) {
		return func(f *spec.Field) {
			for i := 0; i < len(pairs); i += 2 {
				f.Values = append(f.Values, spec.Translation{Word: pairs[i], Value: spec.Value(pairs[i+1])})
			}
		}
	}
	for _, c := range []struct {
		name, column, typ string
		set               func(*spec.Field)
		want              string
	}{
		{"a number is not cut", "new_no", "Int8", func(f *spec.Field) { f.Truncate = true }, "truncate cuts text, and this is a column of type integer; drop truncate"},
		{"a mask is not cut", "description", "String", func(f *spec.Field) { f.Truncate, f.Mask = true, spec.Hash }, "a mask that is cut is none; drop truncate"},
		{"a number is not masked", "new_no", "Int8", func(f *spec.Field) { f.Mask = spec.Redact }, "mask: redact writes text, and this is a column of type integer; drop it from map"},
		{"a hash does not fit", "firstname", "String", func(f *spec.Field) { f.Mask = spec.Hash }, "mask: hash writes 64 characters, and the column takes 50; make the column longer"},
		{"a float is not masked either", "description", "Float64", func(f *spec.Field) { f.Mask = spec.Hash }, "Float64 cannot be written to a column of type memo; write toString(v) AS v in the model"},
		{"a number is never empty", "new_no", "Int8", func(f *spec.Field) { f.Empty = spec.EmptyNull }, "v is Int8, which is never without characters; drop empty"},
		{"choice of what is none", "firstname", "String", func(f *spec.Field) { f.Choice = spec.Label }, "choice"},
		{"language of what has no labels", "firstname", "String", func(f *spec.Field) { f.Language = 1031 }, "language is about labels of options, and this is a column of type text; drop language"},
		{"words for text", "firstname", "String", words("a", "true"), "values says what words mean, and this is a column of type text; drop values, and translate in the model"},
		{"a word that is neither", "donotemail", "String", words("ja", `"yes"`), `values.ja is "yes", and the column takes true or false; write ja: true`},
		{"two words for both", "donotemail", "String", words("ja", "true", "Ja", "false"), "values says both of ja and Ja, and neither case nor blanks count; keep one of them"},
		{"words of what has none", "donotemail", "Float64", words("ja", "true"), "Float64 cannot be written to a column of type boolean; write v > 0 AS v in the model"},
		{
			"a masked key", "externaluseridentifier", "String", func(f *spec.Field) { f.From, f.Mask = "id", spec.Hash },
			"mask: hash cannot be asked for a column of the match key; mask it in the model, and name the result in from.key: lower(hex(SHA256(id)))",
		},
		{"a cut key", "externaluseridentifier", "String", func(f *spec.Field) { f.From, f.Truncate = "id", true }, "truncate cannot be asked for a column of the match key; drop it: two keys could become one"},
		{"a skipped key", "externaluseridentifier", "String", func(f *spec.Field) { f.From, f.Null = "id", spec.NullSkip }, "null: skip cannot be asked for a column of the match key; drop it"},
		{"an empty lookup", "parentcustomerid", "String", func(f *spec.Field) {
			f.From, f.To, f.By, f.Empty = "", "account", []spec.Part{{Key: "accountnumber", From: "v"}}, spec.EmptySkip
		}, "text without characters names no record, and counts as NULL; drop empty; null says what becomes of it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := with(c.column, c.typ, c.set); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
	// What the model gives is not known there, and options are not held against it.
	in := input(nil, spec.Field{Column: "donotemail", From: "v", Empty: spec.EmptyNull, Values: []spec.Translation{{Word: "ja", Value: "true"}}})
	if problems := Check(in); len(problems) > 0 {
		t.Error(problems)
	}
}

func TestPoliciesAreInTheFingerprint(t *testing.T) {
	seen := map[uint64]string{}
	for name, set := range map[string]func(*spec.Field){
		"nothing": func(*spec.Field) {}, "null: skip": func(f *spec.Field) { f.Null = spec.NullSkip }, "null: error": func(f *spec.Field) { f.Null = spec.NullError },
		"empty: null": func(f *spec.Field) { f.Empty = spec.EmptyNull }, "empty: skip": func(f *spec.Field) { f.Empty = spec.EmptySkip },
		"empty: error": func(f *spec.Field) { f.Empty = spec.EmptyError }, "truncate": func(f *spec.Field) { f.Truncate = true },
		"mask: hash": func(f *spec.Field) { f.Mask = spec.Hash }, "mask: redact": func(f *spec.Field) { f.Mask = spec.Redact },
	} {
		f := column("description")
		set(&f)
		p := compile(t, input([]SourceColumn{{"v", "String"}}, f)).Fingerprint()
		if other, found := seen[p]; found {
			t.Errorf("%s looks like %s", name, other)
		}
		seen[p] = name
	}
	word := func(value spec.Value) uint64 {
		f := spec.Field{Column: "donotemail", From: "v", Values: []spec.Translation{{Word: "ja", Value: value}}}
		return compile(t, input([]SourceColumn{{"v", "String"}}, f)).Fingerprint()
	}
	zone := func(typ string) uint64 {
		return compile(t, input([]SourceColumn{{"v", typ}}, column("new_utc"))).Fingerprint()
	}
	digits := func(n int) uint64 {
		in := input([]SourceColumn{{"v", "String"}}, column("annualincome"))
		in.Table.Columns[0].Precision = n
		return compile(t, in).Fingerprint()
	}
	if word("true") == word("false") || zone("DateTime('UTC')") == zone("DateTime('Asia/Tokyo')") || digits(2) == digits(3) {
		t.Error("what a word means, whose clock is meant, or how many digits are kept is not in the fingerprint")
	}
}
