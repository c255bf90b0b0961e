package mapping

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

const someGUID = "61F0C404-5CB3-11E7-907B-A6006AD3DBA0"

func TestAKeyBecomesAnAddressOrIsRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		match   []string
		from    []SourceColumn
		values  map[string]any
		want    string // address, or the code of the refusal
		because string // column of the refusal
	}{
		{"an apostrophe is doubled", []string{"ext_key"}, []SourceColumn{{"a", "String"}}, map[string]any{"a": "O'Brien"}, "contacts(externaluseridentifier='O''Brien')", ""},
		{"what HTTP forbids is encoded, the rest is not", []string{"externaluseridentifier"}, []SourceColumn{{"a", "String"}}, map[string]any{"a": "Ä b#|\"^`{}[](),;=@$!~-._"}, "contacts(externaluseridentifier='%C3%84%20b%23%7C%22%5E%60%7B%7D%5B%5D(),;=@$!~-._')", ""},
		{"emoji and right-to-left", []string{"ext_key"}, []SourceColumn{{"a", "String"}}, map[string]any{"a": "😀א"}, "contacts(externaluseridentifier='%F0%9F%98%80%D7%90')", ""},
		{"blanks at the end do not count, those before do", []string{"ext_key"}, []SourceColumn{{"a", "String"}}, map[string]any{"a": " a  "}, "contacts(externaluseridentifier='%20a')", ""},
		{"a number as text", []string{"ext_key"}, []SourceColumn{{"a", "UInt64"}}, map[string]any{"a": "18446744073709551615"}, "contacts(externaluseridentifier='18446744073709551615')", ""},
		{"a GUID", []string{"contactid"}, []SourceColumn{{"a", "String"}}, map[string]any{"a": someGUID}, "contacts(61f0c404-5cb3-11e7-907b-a6006ad3dba0)", ""},
		{"no GUID", []string{"contactid"}, []SourceColumn{{"a", "String"}}, map[string]any{"a": "x"}, "not_a_guid", "contactid"},
		{"two columns in the key's order", []string{"pair_key"}, []SourceColumn{{"a", "String"}, {"b", "Int32"}}, map[string]any{"a": "x", "b": "-7"}, "contacts(new_region='x',new_no=-7)", ""},
		{"two columns in the file's order", []string{"new_no", "new_region"}, []SourceColumn{{"b", "Int32"}, {"a", "String"}}, map[string]any{"a": "x", "b": "-7"}, "contacts(new_no=-7,new_region='x')", ""},
		{"a lookup in the key", []string{"owned_key"}, []SourceColumn{{"a", "UUID"}, {"b", "Int32"}}, map[string]any{"a": someGUID, "b": "7"}, "contacts(_parentcustomerid_value=61f0c404-5cb3-11e7-907b-a6006ad3dba0,new_no=7)", ""},
		{"NULL in a part", []string{"pair_key"}, []SourceColumn{{"a", "String"}, {"b", "Nullable(Int32)"}}, map[string]any{"a": "x", "b": nil}, "missing_key", "new_no"},
		{"blanks alone", []string{"ext_key"}, []SourceColumn{{"a", "String"}}, map[string]any{"a": "  "}, "missing_key", "externaluseridentifier"},
		{"bytes that are no text", []string{"ext_key"}, []SourceColumn{{"a", "String"}}, map[string]any{"a": "\xff"}, "invalid_utf8", "externaluseridentifier"},
		{"NUL", []string{"ext_key"}, []SourceColumn{{"a", "String"}}, map[string]any{"a": "a\x00"}, "key_characters", "externaluseridentifier"},
		{"too long", []string{"ext_key"}, []SourceColumn{{"a", "String"}}, map[string]any{"a": strings.Repeat("x", 51)}, "text_too_long", "externaluseridentifier"},
		{"the greatest length in units", []string{"ext_key"}, []SourceColumn{{"a", "String"}}, map[string]any{"a": strings.Repeat("é", 50)}, "contacts(externaluseridentifier='" + strings.Repeat("%C3%A9", 50) + "')", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input(append(c.from, SourceColumn{"v", "String"}), column("firstname"))
			in.Sync.To.Match, in.Sync.From.Key = c.match, nil
			for _, s := range c.from {
				in.Sync.From.Key = append(in.Sync.From.Key, s.Name)
			}
			p := compile(t, in)
			body, address, cause := p.Append(nil, nil, scan(t, p, "k", c.values))
			switch {
			case cause != nil:
				if cause.Code != c.want || cause.Column != c.because || len(address) > 0 || len(body) > 0 {
					t.Errorf("refused as %+v, want %s of %s", cause, c.want, c.because)
				}
			case string(address) != c.want:
				t.Errorf("\n got %s\nwant %s", address, c.want)
			default:
				if u, err := url.PathUnescape(string(address)); err != nil || !utf8.ValidString(u) {
					t.Errorf("%s does not decode: %v", address, err)
				}
			}
		})
	}
	p := compile(t, input([]SourceColumn{{"v", "String"}}, column("firstname")))
	for _, c := range `/<>*%&:\?+` {
		_, _, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"id": "a" + string(c) + "b"}))
		if cause == nil || cause.Code != "key_characters" || cause.Column != "externaluseridentifier" {
			t.Errorf("%c: %v", c, cause)
		}
	}
	if _, _, cause := p.Append(nil, nil, scan(t, p, "", map[string]any{"id": "a"})); cause == nil || cause.Code != "missing_key" {
		t.Errorf("a row without a key: %v", cause)
	}
}

func TestALookupBindsClearsOrIsLeftAlone(t *testing.T) {
	byNumber := spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "accountnumber", From: "no"}}}
	byGUID := spec.Field{Column: "ownerid", To: "team", By: []spec.Part{{Key: "teamid", From: "no"}}}
	bySite := spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "new_site", From: "site"}, {Key: "new_country", From: "no"}}}
	skip := byNumber
	skip.Null = spec.NullSkip
	for _, c := range []struct {
		name  string
		field spec.Field
		typ   string
		value any
		site  any
		want  string // body, or the code of the refusal
	}{
		{"by alternate key", byNumber, "String", "A 'x'", nil, `{"parentcustomerid_account@odata.bind":"/accounts(accountnumber='A%20''x''')"}`},
		{"by GUID, of many targets", byGUID, "UUID", "61f0c404-5cb3-11e7-907b-a6006ad3dba0", nil, `{"ownerid@odata.bind":"/teams(61f0c404-5cb3-11e7-907b-a6006ad3dba0)"}`},
		{"by no GUID", byGUID, "String", "x", nil, "not_a_guid"},
		{"NULL clears", byNumber, "Nullable(String)", nil, nil, `{"parentcustomerid_account":null}`},
		{"empty text clears", byNumber, "String", " ", nil, `{"parentcustomerid_account":null}`},
		{"NULL is skipped where the map says so", skip, "Nullable(String)", nil, nil, `{}`},
		{"by compound key", bySite, "String", "DE", "7", `{"parentcustomerid_account@odata.bind":"/accounts(new_site=7,new_country='DE')"}`},
		{"a part of a compound key is missing", bySite, "String", "DE", nil, "reference_incomplete"},
		{"all parts are missing", bySite, "String", "", nil, `{"parentcustomerid_account":null}`},
		{"a character that cannot be in a key", byNumber, "String", "A/1", nil, "key_characters"},
		{"bytes that are no text", byNumber, "String", "A\xff", nil, "invalid_utf8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := compile(t, input([]SourceColumn{{"no", c.typ}, {"site", "Nullable(Int32)"}}, c.field))
			body, _, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"id": "k", "no": c.value, "site": c.site}))
			if cause != nil {
				if cause.Code != c.want || cause.Column != c.field.Column {
					t.Errorf("refused as %+v, want %s", cause, c.want)
				}
				return
			}
			if string(body) != c.want {
				t.Errorf("\n got %s\nwant %s", body, c.want)
			}
		})
	}
}

func TestTheModeDecidesWhatBodyAndAddressSay(t *testing.T) {
	id := spec.Field{Column: "externaluseridentifier", From: "id"}
	skipped := spec.Field{Column: "lastname", From: "v", Null: spec.NullSkip}
	for _, c := range []struct {
		name      string
		mode      spec.Mode
		match     string
		operation penstock.Operation
		body      string
		address   string
	}{
		{"upsert", spec.Upsert, "ext_key", penstock.Upsert, `{"firstname":null}`, "contacts(externaluseridentifier='" + someGUID + "')"},
		{"update", spec.Update, "ext_key", penstock.Update, `{"firstname":null}`, "contacts(externaluseridentifier='" + someGUID + "')"},
		{"upsert by GUID", spec.Upsert, "contactid", penstock.Upsert, `{"externaluseridentifier":"` + someGUID + `","firstname":null}`, "contacts(61f0c404-5cb3-11e7-907b-a6006ad3dba0)"},
		{"create", spec.Create, "ext_key", penstock.Create, `{"contactid":"CREATED","externaluseridentifier":"` + someGUID + `","firstname":null}`, "contacts"},
		{"create by GUID", spec.Create, "contactid", penstock.Create, `{"contactid":"61f0c404-5cb3-11e7-907b-a6006ad3dba0","externaluseridentifier":"` + someGUID + `","firstname":null}`, "contacts"},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input([]SourceColumn{{"v", "Nullable(String)"}}, id, column("firstname"), skipped)
			in.Sync.To.Mode, in.Sync.To.Match = c.mode, []string{c.match}
			p := compile(t, in)
			if p.Operation() != c.operation || p.Table() != "contact" {
				t.Errorf("%s of %s", p.Operation(), p.Table())
			}
			values := map[string]any{"id": someGUID, "v": nil}
			body, address, cause := p.Append(nil, nil, scan(t, p, strings.ToLower(someGUID), values))
			if cause != nil {
				t.Fatal(cause)
			}
			// Written down, for what it derives from must not change: a second attempt would make a second record.
			if want := strings.Replace(c.body, "CREATED", "debb6d8b-7916-52c0-b120-9726d1ccd92b", 1); string(body) != want || string(address) != c.address {
				t.Errorf("\n got %s %s\nwant %s %s", body, address, want, c.address)
			}
		})
	}
}

func TestACreateBindsTheLookupInItsKey(t *testing.T) {
	in := input([]SourceColumn{{"program", "UUID"}, {"no", "Int128"}, {"v", "String"}}, column("firstname"))
	in.Sync.To.Mode, in.Sync.To.Match, in.Sync.From.Key = spec.Create, []string{"program_key"}, []string{"program", "no"}
	p := compile(t, in)
	body, address, cause := p.Append(nil, nil, scan(t, p, "k", map[string]any{"program": someGUID, "no": "7", "v": "x"}))
	if cause != nil {
		t.Fatal(cause)
	}
	want := `"new_Program@odata.bind":"/new_programs(61f0c404-5cb3-11e7-907b-a6006ad3dba0)","new_no":7,"firstname":"x"}`
	if string(address) != "contacts" || !strings.HasSuffix(string(body), want) {
		t.Errorf("\n got %s %s\nwant …%s", address, body, want)
	}
	in.Sync.To.Match = []string{"owned_key"}
	if _, err := Compile(in); err == nil || !strings.Contains(err.Error(), "parentcustomerid may name records of several tables") {
		t.Errorf("a lookup of several tables: %v", err)
	}
}

func TestTheHashIsThatOfTheDiff(t *testing.T) {
	r := Row{XXH3: 0x0102030405060708, City: 0xa1a2a3a4a5a6a7a8}
	if got := r.Hash().String(); got != "0102030405060708a1a2a3a4a5a6a7a8" {
		t.Error(got)
	}
}

func TestNumeralsCompareByValue(t *testing.T) {
	for i := range 2000 {
		rnd := rand.New(rand.NewPCG(1, uint64(i)))
		a, b := rnd.Int64N(20001)-10000, rnd.Int64N(20001)-10000
		text := func(v int64) string { return fmt.Sprintf("%.2f", float64(v)/100) }
		x, okX := parseNumeral(text(a))
		y, okY := parseNumeral(text(b))
		if !okX || !okY || x.less(&y) != (a < b) {
			t.Fatalf("%s < %s: %t", text(a), text(b), x.less(&y))
		}
		if f, err := strconv.ParseFloat(string(x.append(nil)), 64); err != nil || f != float64(a)/100 {
			t.Fatalf("%s became %s", text(a), x.append(nil))
		}
	}
}

func TestFloatsAreWrittenAsShortAsCanBe(t *testing.T) {
	check := func(v float64, width int) {
		t.Helper()
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return
		}
		want := strconv.FormatFloat(v, 'f', -1, width)
		if v == 0 {
			want = "0" // and not -0
		}
		if got := string(appendShort(nil, v, width)); got != "" && got != want {
			t.Fatalf("%s of %d bits became %s", want, width, got)
		}
	}
	rnd := rand.New(rand.NewPCG(2, 3))
	for range 30_000 {
		n, scale := float64(rnd.Int64N(2e15)-1e15), math.Pow10(rnd.IntN(12))
		check(n/scale, 64)
		check(float64(float32(math.Trunc(n/1e9)/scale)), 32)
		check(math.Float64frombits(rnd.Uint64()), 64)
		check(float64(math.Float32frombits(rnd.Uint32())), 32)
		check(math.Nextafter(math.Trunc(n/1e6)/scale, math.Inf(1)), 64)
		check(float64(math.Nextafter32(float32(math.Trunc(n/1e10)/1e4), 100)), 32)
	}
	if len(appendShort(nil, 0.1, 64)) == 0 || len(appendShort(nil, 0.30000000000000004, 64)) > 0 || len(appendShort(nil, float64(float32(0.5)), 32)) == 0 {
		t.Error("what is short is not seen")
	}
}

// mixed is a plan of 15 columns of all kinds, and rows for it.
func mixed(t testing.TB) (*Plan, []*Row) {
	model := []SourceColumn{
		{"email", "String"},
		{"first", "Nullable(String)"},
		{"last", "LowCardinality(String)"},
		{"about", "String"},
		{"income", "Decimal(18, 2)"},
		{"born", "Nullable(Date32)"},
		{"quiet", "Bool"},
		{"gender", "Nullable(UInt8)"},
		{"held", "DateTime64(3)"},
		{"big", "UInt64"},
		{"ratio", "Float64"},
		{"no", "Int32"},
		{"score", "Nullable(Float32)"},
		{"uuid", "UUID"},
		{"account", "Nullable(String)"},
	}
	columns := []string{
		"emailaddress1", "firstname", "lastname", "description", "annualincome", "birthdate", "donotemail", "gendercode", "lastonholdtime",
		"new_big", "new_double", "new_no", "new_score", "new_uuid",
	}
	var fields []spec.Field
	for i, name := range columns {
		fields = append(fields, spec.Field{Column: name, From: model[i].Name, Null: spec.NullWrite})
	}
	fields = append(fields, spec.Field{Column: "parentcustomerid", To: "account", By: []spec.Part{{Key: "accountnumber", From: "account"}}})
	in := input(model, fields...)
	for i := range in.Table.Columns {
		if in.Table.Columns[i].Name == "emailaddress1" {
			in.Table.Columns[i].MaxLength = 100
		}
	}
	p := compile(t, in)
	var rows []*Row
	for i := range 64 {
		n := strconv.Itoa(i)
		values := map[string]any{
			"id": "CUST-000" + n, "email": "anna.lindqvist+" + n + "@example.com", "first": "Anna Łucja", "last": "O'Brien-" + n,
			"about":  "wrote to us on Monday, asked for \"the usual\", and was called back within the hour; no " + n,
			"income": "52340." + n, "born": "1971-03-04", "quiet": uint8(i & 1), "gender": uint64(1 + i&1), "held": "2024-05-06T07:08:09Z",
			"big": uint64(1e12) + uint64(i), "ratio": 0.123456789 + float64(i), "no": int64(i), "score": float64(float32(0.5) * float32(i)),
			"uuid": "61f0c404-5cb3-11e7-907b-a6006ad3dba0", "account": "ACC-" + n,
		}
		if i%4 == 0 {
			values["first"], values["born"] = nil, nil
		}
		rows = append(rows, scan(t, p, "cust-000"+n, values))
	}
	return p, rows
}

func TestARowOfManyColumnsIsWrittenWhole(t *testing.T) {
	p, rows := mixed(t)
	body, address, cause := p.Append(nil, nil, rows[3])
	if cause != nil {
		t.Fatal(cause)
	}
	want := `{"emailaddress1":"anna.lindqvist+3@example.com","firstname":"Anna Łucja","lastname":"O'Brien-3","description":"wrote to us on Monday, asked for \"the usual\", and was called back within the hour; no 3","annualincome":52340.3,"birthdate":"1971-03-04","donotemail":true,"gendercode":2,"lastonholdtime":"2024-05-06T07:08:09Z","new_big":1000000000003,"new_double":3.123456789,"new_no":3,"new_score":1.5,"new_uuid":"61f0c404-5cb3-11e7-907b-a6006ad3dba0","parentcustomerid_account@odata.bind":"/accounts(accountnumber='ACC-3')"}`
	if string(body) != want || string(address) != "contacts(externaluseridentifier='CUST-0003')" {
		t.Errorf("\n got %s %s\nwant %s", body, address, want)
	}
}

func TestRenderingARowAllocatesNothing(t *testing.T) {
	p, rows := mixed(t)
	in := input([]SourceColumn{{"v", "String"}}, column("firstname"))
	in.Sync.To.Mode = spec.Create
	created := compile(t, in)
	row := scan(t, created, "k", map[string]any{"id": "k", "v": "x"})
	body, address := make([]byte, 0, 1<<20), make([]byte, 0, 1<<16)
	if n := testing.AllocsPerRun(100, func() {
		for _, r := range rows {
			if _, _, cause := p.Append(body, address, r); cause != nil {
				t.Fatal(cause)
			}
		}
		if _, _, cause := created.Append(body, address, row); cause != nil {
			t.Fatal(cause)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	p, rows := mixed(b)
	body, address := make([]byte, 0, 1<<20), make([]byte, 0, 1<<16)
	b.ReportAllocs()
	n, began := 0, processor(b)
	for b.Loop() {
		var cause *penstock.Cause
		if body, address, cause = p.Append(body[:0], address[:0], rows[n&63]); cause != nil {
			b.Fatal(cause)
		}
		n++
	}
	b.ReportMetric(float64(n)/(processor(b)-began).Seconds(), "rows/s-of-a-core") // whoever else keeps the machine busy
	b.SetBytes(int64(len(body)))
}

// processor is the time that this process has had of any core.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// What is rendered parses as JSON and reads back as the values it was made of; what is refused has a cause.
func FuzzAppend(f *testing.F) {
	f.Add("O'Brien", "ACC-1", "12.50", int64(7), uint64(7), 0.25, uint8(1), "2024-02-29", someGUID)
	f.Add("\x00\"\\\u2028😀", "a b#", "-0.0", int64(math.MinInt64), uint64(math.MaxUint64), math.MaxFloat64, uint8(2), "1752-12-31", "x")
	f.Add("\xff", "'", "1e5", int64(-1), uint64(0), -1e-300, uint8(0), "", "")
	p, _ := mixed(f)
	f.Fuzz(func(t *testing.T, text, key, money string, whole int64, big uint64, ratio float64, flag uint8, day, id string) {
		r := scan(t, p, "k", map[string]any{
			"id": key, "email": text, "first": text, "last": "x", "about": text, "income": money, "born": day, "quiet": flag,
			"gender": big, "held": day + "T00:00:00Z", "big": big, "ratio": ratio, "no": whole, "score": ratio, "uuid": id, "account": key,
		})
		body, address, cause := p.Append(nil, nil, r)
		if cause != nil {
			if cause.Class != penstock.Mapping || cause.Code == "" || cause.Message == "" || len(body)+len(address) > 0 {
				t.Errorf("refused as %+v with %s %s", cause, body, address)
			}
			return
		}
		var got map[string]any
		dec := json.NewDecoder(strings.NewReader(string(body)))
		dec.UseNumber()
		if err := dec.Decode(&got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		for _, name := range []string{"emailaddress1", "firstname", "description"} {
			if got[name] != text {
				t.Errorf("%s: %q became %q", name, text, got[name])
			}
		}
		back, err := strconv.ParseFloat(string(got["new_double"].(json.Number)), 64)
		if err != nil || back != ratio {
			t.Errorf("%v became %v", ratio, got["new_double"])
		}
		if got["new_no"] != json.Number(strconv.FormatInt(whole, 10)) || got["new_big"] != json.Number(strconv.FormatUint(big, 10)) ||
			got["donotemail"] != (flag == 1) || got["birthdate"] != day || got["new_uuid"] != strings.ToLower(strings.TrimRight(id, " ")) {
			t.Errorf("read back as %v", got)
		}
		in, ok := parseNumeral(money)
		out, ok2 := parseNumeral(string(got["annualincome"].(json.Number)))
		if !ok || !ok2 || in != out {
			t.Errorf("%s became %v", money, got["annualincome"])
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(string(address), "contacts(externaluseridentifier='"), "')")
		plain, err := url.PathUnescape(inner)
		if err != nil || strings.ReplaceAll(plain, "''", "'") != strings.TrimRight(key, " ") {
			t.Errorf("%q became %s", key, address)
		}
		for _, c := range address {
			if c <= ' ' || c >= 0x7f || strings.ContainsRune("\"#<>[]^`{|}\\", rune(c)) {
				t.Errorf("%q in %s", c, address)
			}
		}
	})
}

// The same of what the policies, truth words and whole floats make of values.
func FuzzAppendWithPolicies(f *testing.F) {
	f.Add("", "ja", 7.0, "1.25")
	f.Add("0123456789😀👍🏽", " NEIN", math.Copysign(0, -1), "-0")
	f.Add("\xff0123456789", "?", 9007199254740994.0, "123456789012345678")
	in := input([]SourceColumn{{"cut", "String"}, {"word", "String"}, {"whole", "Float64"}, {"double", "Decimal(76, 20)"}},
		spec.Field{Column: "emailaddress1", From: "cut", Truncate: true, Empty: spec.EmptyNull},
		spec.Field{Column: "firstname", From: "cut", Truncate: true, Empty: spec.EmptySkip},
		spec.Field{Column: "donotemail", From: "word", Empty: spec.EmptySkip, Values: []spec.Translation{{Word: "ja", Value: "true"}, {Word: "nein", Value: "false"}}},
		spec.Field{Column: "new_big", From: "whole"}, spec.Field{Column: "new_double", From: "double"})
	p := compile(f, in)
	f.Fuzz(func(t *testing.T, text, word string, whole float64, double string) {
		r := scan(t, p, "k", map[string]any{"id": "k", "cut": text, "word": word, "whole": whole, "double": double})
		body, _, cause := p.Append(nil, nil, r)
		if cause != nil {
			if cause.Class != penstock.Mapping || cause.Code == "" || len(body) > 0 || len(p.Cuts(r)) > 0 {
				t.Errorf("refused as %+v with %s %v", cause, body, p.Cuts(r))
			}
			return
		}
		var got map[string]any
		dec := json.NewDecoder(strings.NewReader(string(body)))
		dec.UseNumber()
		if err := dec.Decode(&got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		email, isText := got["emailaddress1"].(string)
		_, first := got["firstname"]
		if isText != (text != "") || first != (text != "") || !strings.HasPrefix(text, email) || len(p.Cuts(r)) > 0 != (email != text && isText) && utf16Length(text) <= 50 {
			t.Errorf("%q became %v, cut %v", text, got, p.Cuts(r))
		}
		if flag, is := got["donotemail"].(bool); is == (word == "") || is && flag != strings.EqualFold(strings.TrimSpace(word), "ja") {
			t.Errorf("%q became %v", word, got["donotemail"])
		}
		if back, err := strconv.ParseInt(got["new_big"].(json.Number).String(), 10, 64); err != nil || float64(back) != whole {
			t.Errorf("%v became %v", whole, got["new_big"])
		}
		// Dataverse keeps a float: what comes back from it is the number that was sent.
		v, err := got["new_double"].(json.Number).Float64()
		n, ok := parseNumeral(double)
		back, ok2 := parseNumeral(strconv.FormatFloat(v, 'f', -1, 64))
		if err != nil || !ok || !ok2 || n != back {
			t.Errorf("%s became %v", double, v)
		}
	})
}
