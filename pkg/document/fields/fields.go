// Package fields reads a YAML document into Go values by the names of their fields, as strictly as package document reads: what a field does not
// know is a problem with its place, and so is text where a number belongs.
//
// A field's key is its name in lower case with underscores: ExecutionTime is execution_time, DOPHint dop_hint, ClientID client_id. Embedded
// structs are read as if their fields stood in their place. Durations are written as 1m30s, shares as 0.05 or 5%.
package fields

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

	"github.com/goccy/go-yaml/ast"

	"github.com/penstock-sync/penstock/pkg/document"
)

// A Reader reads one file. Its Err tells what was wrong.
type Reader struct {
	*document.Reader
	Words map[reflect.Type][]string                  // enumerations: the words for 0, 1, 2 …
	Texts map[reflect.Type]func(string) (any, error) // types that are read from text in ways of their own

	root   ast.Node
	places map[string]ast.Node // by path: limits, users[1].secret
}

// Read reads the document in data into the struct that v points at.
func (r *Reader) Read(data []byte, v any) {
	r.places = map[string]ast.Node{}
	if r.root = r.Root(data); r.root != nil {
		r.value(r.root, "", reflect.ValueOf(v).Elem())
	}
}

// Refuse notes a problem with what stands at path, for checks after reading.
func (r *Reader) Refuse(path, mend, format string, args ...any) {
	if n := cmp.Or(r.places[path], r.root); n != nil {
		r.Problem(n, mend, format, args...)
	}
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
		if s := ""; r.Text(n, path, &s) {
			one, err := parse(s)
			if err != nil {
				r.Problem(n, "", "%s: %v", path, err)
				return
			}
			v.Set(reflect.ValueOf(one))
		}
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if s := ""; r.Text(n, path, &s) {
			if err := u.UnmarshalText([]byte(s)); err != nil {
				r.Problem(n, "", "%s: %q cannot be read: %v", path, s, err)
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
			r.Problem(n, "write it as 1m30s or 20ms", "%s must be a duration", path)
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
		if s := ""; r.Text(n, path, &s) {
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
		var b bool
		r.Bool(n, path, &b)
		v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if i, err := strconv.ParseInt(token, 10, v.Type().Bits()); err == nil && isInteger(n) {
			v.SetInt(i)
			return
		}
		r.Problem(n, "", "%s must be a whole number", path)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if i, err := strconv.ParseUint(token, 10, v.Type().Bits()); err == nil && isInteger(n) {
			v.SetUint(i)
			return
		}
		r.Problem(n, "", "%s must be a whole number of at least 0", path)
	case reflect.Float32, reflect.Float64:
		whole, isPercentage := strings.CutSuffix(token, "%")
		f, err := strconv.ParseFloat(whole, 64)
		if isPercentage {
			f /= 100
		}
		if _, isText := n.(*ast.StringNode); err != nil || isText != isPercentage || math.IsNaN(f) || math.IsInf(f, 0) {
			r.Problem(n, "write it as 0.05 or 5%", "%s must be a number", path)
			return
		}
		v.SetFloat(f)
	default:
		r.Problem(n, "", "%s cannot be set in a file", path)
	}
}

func isInteger(n ast.Node) bool {
	_, ok := n.(*ast.IntegerNode)
	return ok
}

func (r *Reader) word(n ast.Node, path string, v reflect.Value, words []string) {
	var s string
	if !r.Text(n, path, &s) {
		return
	}
	i := slices.Index(words, s)
	if i < 0 {
		r.Problem(n, document.DidYouMean(s, words), "%s cannot be %q", path, s)
		return
	}
	if v.Kind() == reflect.String {
		v.SetString(s)
	} else {
		v.SetInt(int64(i))
	}
}

func (r *Reader) object(n ast.Node, path string, v reflect.Value) {
	fields, known := Fields(v.Type())
	for _, e := range r.Entries(n, cmp.Or(path, "the file")) {
		i := slices.Index(known, e.Name)
		if i < 0 {
			r.Problem(e.Key, document.DidYouMean(e.Name, known), "unknown key %q in %s", e.Name, cmp.Or(path, "the file"))
			continue
		}
		r.value(e.Value, join(path, e.Name), v.FieldByIndex(fields[i].Index))
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
	v.Set(reflect.MakeMap(v.Type()))
	for _, e := range r.Entries(n, path) {
		key, one := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		r.value(e.Key, "the key of "+join(path, e.Name), key)
		r.value(e.Value, join(path, e.Name), one)
		v.SetMapIndex(key, one)
	}
}

func (r *Reader) list(n ast.Node, path string, v reflect.Value) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		r.Problem(n, "begin each entry with \"- \"", "%s must be a list", path)
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(list.Values), len(list.Values)))
	for i, one := range list.Values {
		r.value(one, fmt.Sprintf("%s[%d]", path, i+1), v.Index(i))
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
