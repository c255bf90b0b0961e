// Package strict reads YAML into Go values, by the names of their fields, and reports every mistake with its place. What a field does not
// know is a mistake; so is a key that comes twice, and text where a number belongs.
//
// A field's key is its name in lower case with underscores: ExecutionTime is execution_time, DOPHint dop_hint, ClientID client_id. Embedded
// structs are read as if their fields stood in their place. Durations are written as 1m30s, shares as 0.05 or 5%.
package strict

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A Problem is one mistake in a file.
type Problem struct {
	File         string
	Line, Column int // from 1
	What         string
	Mend         string // may be empty
}

// Error reads as "file.yaml:3:7: unknown key "limts"; did you mean limits?".
func (p Problem) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.What)
	if p.Mend != "" {
		s += "; " + p.Mend
	}
	return s
}

// Problems are all mistakes of a file, by place.
type Problems []Problem

// Error has one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// A Reader reads one file.
type Reader struct {
	File  string
	Words map[reflect.Type][]string                  // enumerations: the words for 0, 1, 2 …
	Texts map[reflect.Type]func(string) (any, error) // types that are read from text in ways of their own

	problems Problems
	places   map[string]ast.Node // by path: limits, users[1].secret
}

// Read reads the document in data into the struct that v points at. Err tells what was wrong.
func (r *Reader) Read(data []byte, v any) {
	r.places = map[string]ast.Node{}
	f, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		p := Problem{File: r.File, Line: 1, Column: 1, What: "this is not YAML: " + err.Error()}
		var syntax yaml.Error
		if errors.As(err, &syntax) {
			p.What = "this is not YAML: " + syntax.GetMessage()
			if t := syntax.GetToken(); t != nil {
				p.Line, p.Column = t.Position.Line, t.Position.Column
			}
		}
		r.problems = append(r.problems, p)
		return
	}
	var root ast.Node
	for _, d := range f.Docs {
		switch {
		case d.Body == nil || d.Body.Type() == ast.CommentType || d.Body.Type() == ast.DirectiveType:
		case root != nil:
			r.problem(d.Body, "put it into a file of its own", "a second document begins here")
		default:
			root = d.Body
		}
	}
	if root != nil {
		r.value(root, "", reflect.ValueOf(v).Elem())
	}
}

// Refuse notes a problem with what stands at path, for checks after reading.
func (r *Reader) Refuse(path, mend, format string, args ...any) {
	if n := r.places[path]; n != nil {
		r.problem(n, mend, format, args...)
		return
	}
	r.problems = append(r.problems, Problem{r.File, 1, 1, fmt.Sprintf(format, args...), mend})
}

// Err returns Problems, or nil.
func (r *Reader) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
	return r.problems
}

func (r *Reader) problem(n ast.Node, mend, format string, args ...any) {
	p := Problem{File: r.File, Line: 1, Column: 1, What: fmt.Sprintf(format, args...), Mend: mend}
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key // the mapping's own token is the first colon
	}
	if v, ok := n.(*ast.MappingValueNode); ok {
		n = v.Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		p.Line, p.Column = t.Position.Line, t.Position.Column
	}
	r.problems = append(r.problems, p)
}

// value reads n into v. path names it in problems.
func (r *Reader) value(n ast.Node, path string, v reflect.Value) {
	if path != "" {
		r.places[path] = n
	}
	if words := r.Words[v.Type()]; words != nil {
		r.word(n, path, v, words)
		return
	}
	if parse := r.Texts[v.Type()]; parse != nil {
		if s, ok := r.text(n, path); ok {
			one, err := parse(s)
			if err != nil {
				r.problem(n, "", "%s: %v", path, err)
				return
			}
			v.Set(reflect.ValueOf(one))
		}
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if s, ok := r.text(n, path); ok {
			if err := u.UnmarshalText([]byte(s)); err != nil {
				r.problem(n, "", "%s: %q cannot be read: %v", path, s, err)
			}
		}
		return
	}
	if v.Type().ConvertibleTo(reflect.TypeFor[time.Duration]()) && strings.HasSuffix(v.Type().Name(), "Duration") {
		s, isText := n.(*ast.StringNode)
		var d time.Duration
		err := errors.New("no text")
		if isText {
			d, err = time.ParseDuration(s.Value)
		}
		if err != nil {
			r.problem(n, "write it as 1m30s or 20ms", "%s must be a duration", path)
		}
		v.SetInt(int64(d))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		r.object(n, path, v)
	case reflect.Map:
		r.dictionary(n, path, v)
	case reflect.Slice:
		r.list(n, path, v)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		r.value(n, path, v.Elem())
	case reflect.String:
		if s, ok := r.text(n, path); ok {
			v.SetString(s)
		}
	default:
		r.scalar(n, path, v)
	}
}

func (r *Reader) scalar(n ast.Node, path string, v reflect.Value) {
	token := ""
	if t := n.GetToken(); t != nil {
		token = strings.ReplaceAll(t.Value, "_", "")
	}
	switch v.Kind() {
	case reflect.Bool:
		if b, ok := n.(*ast.BoolNode); ok {
			v.SetBool(b.Value)
			return
		}
		r.problem(n, "", "%s must be true or false", path)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if i, err := strconv.ParseInt(token, 10, v.Type().Bits()); err == nil && isInteger(n) {
			v.SetInt(i)
			return
		}
		r.problem(n, "", "%s must be a whole number", path)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if i, err := strconv.ParseUint(token, 10, v.Type().Bits()); err == nil && isInteger(n) {
			v.SetUint(i)
			return
		}
		r.problem(n, "", "%s must be a whole number of at least 0", path)
	case reflect.Float32, reflect.Float64:
		whole, isPercentage := strings.CutSuffix(token, "%")
		f, err := strconv.ParseFloat(whole, 64)
		if isPercentage {
			f /= 100
		}
		if _, isText := n.(*ast.StringNode); err != nil || isText != isPercentage || math.IsNaN(f) || math.IsInf(f, 0) {
			r.problem(n, "write it as 0.05 or 5%", "%s must be a number", path)
			return
		}
		v.SetFloat(f)
	default:
		r.problem(n, "", "%s cannot be set in a file", path)
	}
}

func isInteger(n ast.Node) bool {
	_, ok := n.(*ast.IntegerNode)
	return ok
}

func (r *Reader) word(n ast.Node, path string, v reflect.Value, words []string) {
	s, ok := r.text(n, path)
	if !ok {
		return
	}
	i := slices.Index(words, s)
	if i < 0 {
		r.problem(n, "known are "+strings.Join(words, ", "), "%s cannot be %q", path, s)
		return
	}
	if v.Kind() == reflect.String {
		v.SetString(s)
	} else {
		v.SetInt(int64(i))
	}
}

func (r *Reader) text(n ast.Node, path string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		r.problem(n, "write it in quotes", "%s must be text", path)
	default:
		r.problem(n, "", "%s must be text", path)
	}
	return "", false
}

func (r *Reader) object(n ast.Node, path string, v reflect.Value) {
	pairs, ok := r.pairs(n, path)
	if !ok {
		return
	}
	fields, known := Fields(v.Type())
	for _, p := range pairs {
		at := join(path, p.name)
		i := slices.Index(known, p.name)
		switch {
		case i < 0:
			where := ""
			if path != "" {
				where = " in " + path
			}
			r.problem(p.key, nearest(p.name, known), "unknown key %q%s", p.name, where)
		case p.value.Type() == ast.NullType:
			r.problem(p.key, "give it a value, or drop the key", "%s is empty", at)
		default:
			r.value(p.value, at, v.FieldByIndex(fields[i].Index))
		}
	}
}

// Fields returns the fields of a struct that a file can set, and their keys.
func Fields(t reflect.Type) (fields []reflect.StructField, keys []string) {
	for _, f := range reflect.VisibleFields(t) {
		switch kind := f.Type.Kind(); {
		case f.Anonymous || !f.IsExported():
		case kind == reflect.Func || kind == reflect.Chan || kind == reflect.Interface:
		default:
			fields, keys = append(fields, f), append(keys, Key(f.Name))
		}
	}
	return fields, keys
}

// Key writes ClientID as client_id.
func Key(name string) string {
	var out strings.Builder
	letters := []rune(name)
	for i, c := range letters {
		if unicode.IsUpper(c) {
			startsWord := i > 0 && (!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
			if startsWord {
				out.WriteByte('_')
			}
			c = unicode.ToLower(c)
		}
		out.WriteRune(c)
	}
	return out.String()
}

func (r *Reader) dictionary(n ast.Node, path string, v reflect.Value) {
	pairs, ok := r.pairs(n, path)
	if !ok {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for _, p := range pairs {
		one := reflect.New(v.Type().Elem()).Elem()
		r.value(p.value, join(path, p.name), one)
		key := reflect.New(v.Type().Key()).Elem()
		r.value(p.key, "the key of "+join(path, p.name), key)
		v.SetMapIndex(key, one)
	}
}

func (r *Reader) list(n ast.Node, path string, v reflect.Value) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		r.problem(n, "begin each entry with \"- \"", "%s must be a list", path)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list.Values), len(list.Values)))
	for i, one := range list.Values {
		r.value(one, fmt.Sprintf("%s[%d]", path, i+1), v.Index(i))
	}
}

// A pair is one entry of a mapping.
type pair struct {
	name       string
	key, value ast.Node
}

func (r *Reader) pairs(n ast.Node, path string) ([]pair, bool) {
	var values []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		r.problem(n, "", "%s must be a mapping (key: value)", cmp.Or(path, "the file"))
		return nil, false
	}
	var pairs []pair
	for _, v := range values {
		if v.Key == nil || v.Value == nil || v.Key.GetToken() == nil {
			r.problem(n, "", "%s has a pair without key or value", cmp.Or(path, "the file"))
			continue
		}
		name := v.Key.GetToken().Value
		if slices.ContainsFunc(pairs, func(p pair) bool { return p.name == name }) {
			r.problem(v.Key, "keep one of them", "%s comes twice", join(path, name))
			continue
		}
		pairs = append(pairs, pair{name, v.Key, v.Value})
	}
	return pairs, true
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// nearest suggests the known key that was probably meant.
func nearest(word string, known []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := distance(word, k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	return "known are " + strings.Join(known, ", ")
}

// distance counts the letters that have to be added, dropped or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
