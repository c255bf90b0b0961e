package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
)

// A Difference is one place at which two versions of an environment or a sync differ.
type Difference struct {
	Path  string   // as map.gendercode, guards.shrink or from.query
	Old   string   // on one line, as people write it; empty where there was nothing
	New   string   // likewise; empty where there is nothing any more
	Lines []string // instead of both, of a text: its changed lines after "-" and "+", others near them after " ", and "…" for more of these
}

// String is the difference as people read it: "map.gendercode: {from: gender} -> {from: gender, choice: label}". Lines
// follow below, indented.
func (d Difference) String() string {
	switch {
	case len(d.Lines) > 0:
		return d.Path + ":\n    " + strings.Join(d.Lines, "\n    ")
	case d.Old == "":
		return "+ " + d.Path + ": " + d.New
	case d.New == "":
		return "- " + d.Path + ": " + d.Old
	}
	return d.Path + ": " + d.Old + " -> " + d.New
}

// Diff compares two versions of an environment or a sync, each as its JSON: place by place, in the order of the newer
// one. An empty version has nothing, so all of the other is new, or gone. What this version of Penstock does not know is
// compared all the same. The error is that of JSON which is none.
func Diff(old, now []byte) ([]Difference, error) {
	was, err := places(old)
	if err != nil {
		return nil, fmt.Errorf("compare: the older version: %w", err)
	}
	is, err := places(now)
	if err != nil {
		return nil, fmt.Errorf("compare: the newer version: %w", err)
	}
	var found []Difference
	for _, p := range is {
		before, there := find(was, p.path)
		switch {
		case !there:
			found = append(found, compare(p.path, nil, p.value))
		case !reflect.DeepEqual(before, p.value):
			found = append(found, compare(p.path, before, p.value))
		}
	}
	for _, p := range was {
		if _, there := find(is, p.path); !there {
			found = append(found, compare(p.path, p.value, nil))
		}
	}
	for _, list := range []string{"map", "users"} {
		if a, b := common(list, was, is), common(list, is, was); !slices.Equal(a, b) {
			found = append(found, Difference{Path: "order of " + list, Old: strings.Join(a, ", "), New: strings.Join(b, ", ")})
		}
	}
	return found, nil
}

// A place is what one path of a document leads to.
type place struct {
	path  string
	value any // nil, bool, json.Number, string, []any or object
}

// An object is a JSON object whose members have kept their order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// identities are lists whose elements have a name of their own, and are compared by it.
var identities = map[string]string{"map": "column", "users": "client_id"} //nolint:gochecknoglobals // constant table

// places takes a document apart: a member is a place, and where it is an object or a list with names, each of its own.
func places(document []byte) ([]place, error) {
	if len(document) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	root, err := read(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is something behind the document")
	}
	o, ok := root.(object)
	if !ok {
		return nil, errors.New("it is no object")
	}
	var all []place
	for _, m := range o {
		switch value := m.value.(type) {
		case nil:
			continue
		case object:
			for _, inner := range value {
				if inner.value != nil {
					all = append(all, place{m.name + "." + inner.name, inner.value})
				}
			}
			continue
		case []any:
			if named, ok := byName(m.name, value); ok {
				all = append(all, named...)
				continue
			}
		}
		all = append(all, place{m.name, m.value})
	}
	return all, nil
}

// byName takes a list of named elements apart; ok is false where one has no name, or two have the same.
func byName(list string, elements []any) (all []place, ok bool) {
	identity := identities[list]
	for _, e := range elements {
		o, isObject := e.(object)
		name, isText := o.get(identity).(string)
		path := list + "." + name
		if _, twice := find(all, path); !isObject || !isText || twice {
			return nil, false
		}
		rest := slices.DeleteFunc(slices.Clone(o), func(m member) bool { return m.name == identity || m == member{"null", string(NullWrite)} })
		all = append(all, place{path, rest})
	}
	return all, identity != ""
}

// read reads one value, objects with their order.
func read(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		o := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := read(d)
			if err != nil {
				return nil, err
			}
			o = append(o, member{name.(string), value}) // what stands there is a string: the decoder saw to it
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := read(d)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = d.Token()
		return list, err
	}
	return t, nil
}

func find(all []place, path string) (any, bool) {
	for _, p := range all {
		if p.path == path {
			return p.value, true
		}
	}
	return nil, false
}

// common names the elements of a list in a that b has too, in their order: columns are sent in it, and the first user reads.
func common(list string, a, b []place) []string {
	var names []string
	for _, p := range a {
		name, of := strings.CutPrefix(p.path, list+".")
		if _, there := find(b, p.path); of && there {
			names = append(names, name)
		}
	}
	return names
}

// compare is the difference at one place; nil is nothing.
func compare(path string, old, now any) Difference {
	before, text := old.(string)
	after, alsoText := now.(string)
	if (text || old == nil) && (alsoText || now == nil) && (path == "from.query" || strings.Contains(before+after, "\n")) {
		return Difference{Path: path, Lines: diffLines(splitLines(before), splitLines(after))}
	}
	was, isList := old.([]any)
	is, alsoList := now.([]any)
	if (isList || old == nil) && (alsoList || now == nil) && (objects(was) || objects(is)) {
		return Difference{Path: path, Lines: diffLines(flowEach(was), flowEach(is))}
	}
	d := Difference{Path: path}
	name := path[strings.LastIndexByte(path, '.')+1:]
	if old != nil {
		d.Old = flow(name, old)
	}
	if now != nil {
		d.New = flow(name, now)
	}
	return d
}

func objects(list []any) bool {
	return slices.ContainsFunc(list, func(v any) bool { _, ok := v.(object); return ok })
}
