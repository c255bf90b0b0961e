package document_test

import (
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/document"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A valve is what the tests read.
type valve struct {
	name, kind string
	bores      []string
	turns      int
	gauge      float64
	open       bool
	labels     map[string]string
}

func readValve(data string) (valve, error) {
	r := &document.Reader{File: "valve.yaml"}
	v := valve{kind: "gate", turns: 4, labels: map[string]string{}}
	if root := r.Root([]byte(data)); root != nil {
		r.Object(root, "the valve",
			document.Required("name", func(n document.Node) { r.Text(n, "name", &v.name) }),
			document.Optional("kind", func(n document.Node) { r.Word(n, "kind", &v.kind, "gate", "ball") }),
			document.Optional("turns", func(n document.Node) { r.Count(n, "turns", &v.turns) }),
			document.Optional("gauge", func(n document.Node) { r.Number(n, "gauge", &v.gauge) }),
			document.Optional("open", func(n document.Node) { r.Bool(n, "open", &v.open) }),
			document.Optional("bores", func(n document.Node) {
				for _, item := range document.List(n) {
					var bore string
					r.Text(item, "bores", &bore)
					v.bores = append(v.bores, bore)
				}
			}),
			document.Optional("labels", func(n document.Node) {
				for _, e := range r.Entries(n, "labels") {
					var label string
					r.Text(e.Value, e.Name, &label)
					v.labels[e.Name] = label
				}
			}),
		)
	}
	return v, r.Err()
}

func TestADocumentIsReadWhole(t *testing.T) {
	v, err := readValve("# one\n---\nname: |\n  north\nkind: ball\nturns: 1_000\ngauge: 2.5\nopen: true\nbores: [a, b]\nlabels: {de: Schieber}\n")
	if err != nil {
		t.Fatal(err)
	}
	if v.name != "north\n" || v.kind != "ball" || v.turns != 1000 || v.gauge != 2.5 || !v.open || len(v.bores) != 2 || v.labels["de"] != "Schieber" {
		t.Errorf("got %+v", v)
	}
	if v, err := readValve("\uFEFFname: x\r\nturns: 3\r\n"); err != nil || v.name != "x" || v.turns != 3 {
		t.Errorf("as editors on Windows save it: %+v, %v", v, err)
	}
	if v, err := readValve("name: x\nbores: a\n"); err != nil || len(v.bores) != 1 {
		t.Errorf("a list of one without brackets: %+v, %v", v, err)
	}
}

func TestEveryProblemHasItsPlaceAndMend(t *testing.T) {
	for text, want := range map[string]string{
		"":                          "valve.yaml:1:1: the file is empty",
		"a: [":                      "valve.yaml:1:4: this is not YAML: [ is not closed; close it with ]",
		"name: a\n---\nname: b":     "valve.yaml:3:1: a second document begins here; put each into a file of its own",
		"- a":                       "valve.yaml:1:1: the valve must be a mapping (key: value), not a list",
		"nmae: a":                   "valve.yaml:1:1: unknown key \"nmae\" in the valve; did you mean name?",
		"name:":                     "valve.yaml:1:1: name is empty; give it a value, or drop the key",
		"name: a\nname: b":          "valve.yaml:2:1: name comes twice in the valve; keep one of them",
		"name: 12":                  "valve.yaml:1:7: name must be text, not a number; write it in quotes",
		"name: {a: b}":              "valve.yaml:1:7: name must be text, not a mapping",
		"name: a\nkind: hydrant":    `valve.yaml:2:7: kind cannot be "hydrant"; known are gate, ball`,
		"name: a\nturns: -1":        "valve.yaml:2:8: turns must be a whole number of at least 0",
		"name: a\ngauge: wide":      "valve.yaml:2:8: gauge must be a number",
		"name: a\nopen: yes please": "valve.yaml:2:7: open must be true or false, not text; write true or false",
		"name: a\nlabels:\n  de:\n": "valve.yaml:3:3: de is empty; give it a value, or drop the key",
		"name: &x a\nlabels: {de: *x}": "valve.yaml:1:7: name must be text, not an anchor or alias; put it into quotes, or write out what it stands for: anchors are not read\n" +
			"valve.yaml:2:14: de must be text, not an anchor or alias; put it into quotes, or write out what it stands for: anchors are not read",
		"name: a\nlabels: &x {}":          "valve.yaml:2:9: labels must be a mapping (key: value), not an anchor or alias; write out what it stands for: anchors are not read",
		"name: a\n<<: {kind: ball}":       "valve.yaml:2:1: << has no place in the valve; write out what it stands for: anchors are not read",
		"name: a\n<<<<<<< HEAD\nopen: no": "valve.yaml:2:1: this is not YAML: a merge conflict is left here; keep one side of it",
	} {
		v, err := readValve(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
		if v.kind != "gate" || v.turns != 4 {
			t.Errorf("%q: what could not be read took the place of the defaults: %+v", text, v)
		}
	}
}

func TestPlacesAreTheSameWhateverTheLineEnds(t *testing.T) {
	text := "\uFEFFname: |\n  a\n\n  b\nlabels:\n  de: >-\n    c\n    d\n  en: \"e\n    f\"\n  fr: 'g\n\n    h'\n  it: 1 # no text\nturn: 1\n"
	const want = "valve.yaml:14:7: it must be text, not a number; write it in quotes\nvalve.yaml:15:1: unknown key \"turn\" in the valve; did you mean turns?"
	for _, end := range []string{"\n", "\r\n"} {
		v, err := readValve(strings.ReplaceAll(text, "\n", end))
		if err == nil || err.Error() != want || v.name != "a\n\nb\n" || v.labels["de"] != "c d" || v.labels["fr"] != "g\nh" {
			t.Errorf("%q: %+v\n got %v\nwant %s", end, v, err, want)
		}
	}
}

func TestProblemsAreSortedByFileAndPlace(t *testing.T) {
	at := func(file string, line, column int) document.Problem {
		return document.Problem{Position: document.Position{File: file, Line: line, Column: column}, What: "x"}
	}
	err := document.Problems{at("b", 1, 1), at("a", 2, 1), at("a", 1, 9), at("a", 1, 2), at("a", 0, 0)}.Err()
	if got := strings.ReplaceAll(err.Error(), ": x\n", " "); got != "a a:1:2 a:1:9 a:2:1 b:1:1: x" {
		t.Errorf("got %s", got)
	}
	if err := (document.Problems{}).Err(); err != nil {
		t.Errorf("no problems are the error %v", err)
	}
}

func TestTheKeysOfAMappingCanBeAskedFor(t *testing.T) {
	r := &document.Reader{File: "f"}
	for text, want := range map[string]bool{"a: 1": true, "a:\nb: 1": true, "{b: 1, a: 2}": true, "b: {a: 1}": false, "- a": false} {
		if got := document.Has(r.Root([]byte(text)), "a"); got != want {
			t.Errorf("%q has a: %t", text, got)
		}
	}
}

func TestTheNearestWordIsFound(t *testing.T) {
	known := []string{"emailaddress1", "firstname", "lastname", "to"}
	for word, want := range map[string]string{
		"emailadress1": "emailaddress1", "FirstName": "firstname", "lastnmae": "lastname", "ot": "to", "telephone": "", "": "",
	} {
		if got := document.Nearest(word, known); got != want {
			t.Errorf("%s: got %q, want %q", word, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{"name: a\nlabels: {de: x}", "", "a: [", "? a", "a: &x b\nc: *x", "<<: {}", "- - -", "a: !!str 1", "{a: b", "a: |\n  b", "\"\\x", "name:\n- b: c\n d", "turns: 0x_1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		lines := strings.Count(data, "\n") + strings.Count(data, "\r") + 1
		_, err := readValve(data)
		var problems document.Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("%T is not Problems", err)
		}
		for _, p := range problems {
			if p.File != "valve.yaml" || p.Line < 1 || p.Line > lines+1 || p.Column < 1 || p.What == "" {
				t.Errorf("problem out of place: %v", p)
			}
		}
	})
}
