package jsonobject_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
)

func TestMembersComeBackAsTheirRawTokens(t *testing.T) {
	r := jsonobject.New([]byte(` {"a" : 12.50, "b\u0031":"x\"y", "c":null,"d":{"e":["}",1]} , "f":true} `))
	want := [][2]string{{"a", "12.50"}, {"b1", `"x\"y"`}, {"c", "null"}, {"d", `{"e":["}",1]}`}, {"f", "true"}}
	for _, w := range want {
		if !r.Next() {
			t.Fatalf("ended before %s: %v", w[0], r.Err())
		}
		if string(r.Name) != w[0] || string(r.Value) != w[1] {
			t.Errorf("got %s = %s, want %s = %s", r.Name, r.Value, w[0], w[1])
		}
	}
	if r.Next() || r.Err() != nil {
		t.Errorf("a member too many, or %v", r.Err())
	}
}

// FuzzReader holds the reader to encoding/json: the same texts are objects, with the same members.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":1}`, `{"a":-0.5e+3,"b":"\u00e9"}`, `{"a":[{}]}`, `{"a":01}`, `{"a":1,}`, `{"a":"\x"}`, `[1]`, `{"a":1}x`, "{\"a\":\"\n\"}", `{"a":tru}`, `{,}`, `{"a":1}}`,
		`{"a\"b":"c"}`, `{"a":"\ud83d\ude00"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := jsonobject.New(b)
		members := map[string]string{}
		for r.Next() {
			members[jsonobject.Text(quote(r.Name))] = string(r.Value)
		}
		var want map[string]json.RawMessage
		object := bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("{")) && json.Unmarshal(b, &want) == nil
		if object != (r.Err() == nil) {
			t.Fatalf("encoding/json says %v, the reader says %v", object, r.Err())
		}
		if !object {
			return
		}
		for name, value := range want {
			if members[name] != string(value) {
				t.Errorf("%q = %q, want %q", name, members[name], value)
			}
		}
	})
}

// FuzzElements holds Elements to encoding/json in the same way.
func FuzzElements(f *testing.F) {
	for _, s := range []string{`[]`, `[1]`, `[1,"a]",{"b":[2]},null]`, ` [ true , false ] `, `[1,]`, `[,1]`, `[1 2]`, `[1]]`, `{}`, `[01]`, `["\ud83d\ude00"]`, `[[],[[]]]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var want []json.RawMessage
		array := bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("[")) && json.Unmarshal(b, &want) == nil
		got, ok := jsonobject.Elements(b)
		if ok != array || len(got) != len(want) && ok {
			t.Fatalf("encoding/json says %v %d, Elements %v %d", array, len(want), ok, len(got))
		}
		for i := range want {
			if string(got[i]) != string(want[i]) {
				t.Errorf("element %d: %q, want %q", i, got[i], want[i])
			}
		}
	})
}

func quote(name []byte) []byte {
	q, err := json.Marshal(string(name))
	if err != nil {
		return nil
	}
	return q
}
