package spec

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	yaml "github.com/goccy/go-yaml/token"

	"github.com/penstock-sync/penstock/pkg/document"
)

// A Field fills one column of the table from one of: a warehouse column (From), a constant (Const), an expression (Expr), a
// template (Template), or as a lookup (By).
type Field struct {
	Column   string            `json:"column"`             // Dataverse, logical name
	From     string            `json:"from,omitempty"`     // warehouse column
	Const    Value             `json:"const,omitempty"`    // the same for each row
	Expr     string            `json:"expr,omitempty"`     // expr-lang, over the warehouse columns
	Template string            `json:"template,omitempty"` // text with {{expressions}}
	To       string            `json:"to,omitempty"`       // of a lookup: the table; empty where there is one only, or [Field.ToFrom] names it
	ToFrom   string            `json:"to_from,omitempty"`  // of a lookup: the warehouse column that holds the table's logical name, row by row
	By       []Part            `json:"by,omitempty"`       // of a lookup: what addresses the other record
	Null     Null              `json:"null"`               // what a NULL does
	Empty    Empty             `json:"empty,omitempty"`    // what text without characters does; "" stands for write
	Truncate bool              `json:"truncate,omitempty"` // cut text that is too long for the column
	Choice   Choice            `json:"choice,omitempty"`   // how options are given; "" stands for number
	Language int               `json:"language,omitempty"` // LCID of the labels; 0: the application user's language
	Values   []Translation     `json:"values,omitempty"`   // what words of the warehouse stand for
	Mask     Mask              `json:"mask,omitempty"`     // what is sent in place of the value
	At       document.Position `json:"-"`
	TextAt   document.Position `json:"-"` // where the text of Expr or Template begins, when it is on one line
}

// Sources lists the warehouse columns that the field names; those within expressions are not among them.
func (f Field) Sources() []string {
	var names []string
	if f.From != "" {
		names = append(names, f.From)
	}
	if f.ToFrom != "" {
		names = append(names, f.ToFrom)
	}
	for _, p := range f.By {
		if p.From != "" && !slices.Contains(names, p.From) {
			names = append(names, p.From)
		}
	}
	return names
}

// A Part is one column of the key that addresses the record of a lookup.
type Part struct {
	Table string `json:"table,omitempty"` // where [Field.ToFrom] chooses among several: the one that this part is about
	Key   string `json:"key"`             // column of the other table: part of an alternate key, or its primary key
	From  string `json:"from,omitempty"`  // warehouse column
	Const Value  `json:"const,omitempty"` // in place of From: the same for each row
}

// A Null says what a NULL in the warehouse does.
type Null string

// The null policies.
const (
	NullWrite Null = "write" // clears the column; the default
	NullSkip  Null = "skip"  // leaves the column as it is
	NullError Null = "error" // refuses the row
)

// An Empty says what text without characters does.
type Empty string

// The policies for empty text.
const (
	EmptyWrite Empty = "write" // is written as it is; the default
	EmptyNull  Empty = "null"  // counts as NULL
	EmptySkip  Empty = "skip"  // leaves the column as it is
	EmptyError Empty = "error" // refuses the row
)

// A Choice says how the warehouse gives the options of a choice column.
type Choice string

// The ways to give an option.
const (
	Number Choice = "number" // the default
	Label  Choice = "label"  // as people see it in Dynamics
)

// A Mask says what is sent in place of a value that nobody is to read in Dynamics. It is made in the warehouse: the value
// does not leave it.
type Mask string

// The masks.
const (
	Hash   Mask = "hash"   // SHA-256 in lower-case hexadecimal digits, of the UTF-8 bytes
	Redact Mask = "redact" // ***
)

// A Value is a constant as JSON has it: "text", 12.50, true, or a list of these.
type Value string

// MarshalJSON gives the value itself, without quotes around it.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(v), nil }

// UnmarshalJSON takes any JSON value as it stands.
func (v *Value) UnmarshalJSON(data []byte) error { *v = Value(data); return nil }

// A Translation says what one word of the warehouse stands for.
type Translation struct {
	Word  string `json:"word"`
	Value Value  `json:"value"` // an option (number or label), or true or false
}

func (r *reader) fields(n document.Node) []Field {
	r.Note(n, document.Form{Kind: document.Free, Pattern: logical.String()})
	entries, ok := r.Pairs(n, "map")
	if ok && len(entries) == 0 {
		r.Problem(n, "map at least one column", "map is empty")
	}
	var fields []Field
	for _, e := range entries {
		what := "map." + e.Name
		if !logical.MatchString(e.Name) {
			r.Problem(e.Key, lower(e.Name), "%s does not name a Dataverse column", what)
		}
		f := Field{Column: e.Name, Null: NullWrite, At: r.At(e.Key)}
		switch {
		case document.IsMapping(e.Value):
			r.field(e.Value, what, &f)
		case document.IsNull(e.Value):
			r.Problem(e.Key, "write "+e.Name+": warehouse_column", "%s is empty", what)
		default:
			f.From = r.source(e.Value, what)
		}
		fields = append(fields, f)
	}
	return fields
}

// field reads the long form of a mapping: what fills the column, with options.
func (r *reader) field(n document.Node, what string, f *Field) {
	var by document.Node // read when it is known whether the row names the table
	choose := func(key string, into *string, known ...string) document.Key {
		return document.Optional(key, func(n document.Node) { r.Word(n, what+"."+key, into, known...) })
	}
	r.Object(n, what,
		document.Optional("from", func(n document.Node) { f.From = r.source(n, what+".from") }),
		document.Optional("const", func(n document.Node) { f.Const = r.value(n, what+".const") }),
		document.Optional("expr", func(n document.Node) { f.Expr, f.TextAt = r.filled(n, what+".expr"), r.textAt(n) }),
		document.Optional("template", func(n document.Node) { f.Template, f.TextAt = r.filled(n, what+".template"), r.textAt(n) }),
		document.Optional("to", func(n document.Node) { f.To, f.ToFrom = r.target(n, what+".to") }),
		document.Optional("by", func(n document.Node) { by = n }),
		choose("null", (*string)(&f.Null), string(NullWrite), string(NullSkip), string(NullError)),
		choose("empty", (*string)(&f.Empty), string(EmptyWrite), string(EmptyNull), string(EmptySkip), string(EmptyError)),
		document.Optional("truncate", func(n document.Node) { r.Bool(n, what+".truncate", &f.Truncate) }),
		choose("choice", (*string)(&f.Choice), string(Number), string(Label)),
		document.Optional("language", func(n document.Node) { r.Count(n, what+".language", &f.Language) }),
		document.Optional("values", func(n document.Node) { f.Values = r.values(n, what+".values") }),
		choose("mask", (*string)(&f.Mask), string(Hash), string(Redact)),
	)
	if by != nil {
		f.By = r.by(by, what+".by", f.ToFrom != "")
	}
	if f.Language != 0 && f.Choice != Label && !document.Has(n, "choice") && len(f.Values) == 0 {
		r.Problem(n, "add choice: label, or drop the language", "%s has a language, but no labels", what)
	}
	r.filling(n, what)
}

const lookup = "a lookup is written {to: account, by: {accountnumber: account_no}}"

// filling checks that a column is filled in one way.
func (r *reader) filling(n document.Node, what string) {
	var ways []string
	for _, way := range []string{"from", "const", "expr", "template", "by"} {
		if document.Has(n, way) {
			ways = append(ways, way)
		}
	}
	switch to := document.Has(n, "to"); {
	case to && len(ways) == 0:
		r.Problem(n, lookup, "by is missing in %s", what)
	case to && ways[0] != "by":
		r.Problem(n, lookup, "%s is both a column (%s) and a lookup (to, by)", what, ways[0])
	case len(ways) == 0:
		r.Problem(n, "add from: warehouse_column", "from is missing in %s", what)
	case len(ways) > 1:
		r.Problem(n, "keep one of them", "%s is filled in two ways: %s and %s", what, ways[0], ways[1])
	}
}

// target reads the table that a lookup names, or the warehouse column that names it for each row: {from: kind}.
func (r *reader) target(n document.Node, what string) (table, from string) {
	if !document.IsMapping(n) {
		return r.table(n, what), ""
	}
	r.Object(n, what, document.Required("from", func(n document.Node) { from = r.source(n, what+".from") }))
	return "", from
}

// by reads what addresses the other record: {accountnumber: account_no}, or that for each of several tables.
func (r *reader) by(n document.Node, what string, several bool) []Part {
	if !document.IsMapping(n) {
		r.Problem(n, lookup, "%s must say which column of the other table is which of the warehouse", what)
		return nil
	}
	if !several {
		return r.parts(n, what, "")
	}
	var parts []Part
	for _, e := range r.Entries(n, what) {
		if !logical.MatchString(e.Name) {
			r.Problem(e.Key, lower(e.Name), "%s.%s does not name a Dataverse table", what, e.Name)
		}
		parts = append(parts, r.parts(e.Value, what+"."+e.Name, e.Name)...)
	}
	return parts
}

func (r *reader) parts(n document.Node, what, table string) []Part {
	r.Note(n, document.Form{Kind: document.Free, Pattern: logical.String()})
	entries, ok := r.Pairs(n, what)
	if ok && len(entries) == 0 {
		r.Problem(n, "name the other table's key: {accountnumber: account_no}", "%s is empty", what)
	}
	var parts []Part
	for _, e := range entries {
		if !logical.MatchString(e.Name) {
			r.Problem(e.Key, lower(e.Name), "%s.%s does not name a Dataverse column", what, e.Name)
		}
		p := Part{Table: table, Key: e.Name}
		if document.IsMapping(e.Value) {
			name := what + "." + e.Name
			r.Object(e.Value, name, document.Required("const", func(n document.Node) { p.Const = r.value(n, name+".const") }))
		} else {
			p.From = r.source(e.Value, what+"."+e.Name)
		}
		parts = append(parts, p)
	}
	return parts
}

// values reads what words of the warehouse stand for: {m: Male, f: Female}.
func (r *reader) values(n document.Node, what string) []Translation {
	var all []Translation
	for _, e := range r.Entries(n, what) {
		all = append(all, Translation{Word: e.Name, Value: r.value(e.Value, what+"."+e.Name)})
	}
	return all
}

// value reads a constant: a scalar, or a list of scalars.
func (r *reader) value(n document.Node, what string) Value {
	r.Note(n, document.Form{Kind: document.Scalar})
	switch n := n.(type) {
	case *ast.IntegerNode:
		if text := n.GetToken().Value; len(text) > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9' {
			r.Problem(n, "write it in quotes to keep the zero, or without the zero", "%s: a number has no zero in front", what)
			return ""
		}
		return Value(fmt.Sprint(n.Value)) // 0x10 and 1_000 as people mean them
	case *ast.FloatNode:
		if text := n.GetToken().Value; json.Valid([]byte(text)) {
			return Value(text)
		}
		r.Problem(n, "write it as 12.50", "%s is no number that JSON knows", what)
		return ""
	case *ast.BoolNode:
		return Value(strconv.FormatBool(n.Value))
	case *ast.SequenceNode:
		items := make([]string, len(n.Values))
		for i, v := range n.Values {
			items[i] = string(r.value(v, what))
			if items[i] == "" {
				return ""
			}
		}
		return Value("[" + strings.Join(items, ",") + "]")
	}
	var text string
	if !r.Text(n, what, &text) {
		return ""
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		r.Problem(n, "", "%s: %v", what, err)
	}
	return Value(quoted)
}

// filled reads text that is not blank.
func (r *reader) filled(n document.Node, what string) string {
	r.Note(n, document.Form{Kind: document.AnyText, Pattern: `\S`})
	var s string
	if r.Text(n, what, &s) && strings.TrimSpace(s) == "" {
		r.Problem(n, "give it a value, or drop the key", "%s is empty", what)
	}
	return s
}

// textAt is where the first character of a text stands; it is unknown of one that does not stand there as it is.
func (r *reader) textAt(n document.Node) document.Position {
	s, ok := n.(*ast.StringNode)
	if !ok || strings.Contains(s.Value, "\n") || !strings.Contains(n.GetToken().Origin, s.Value) {
		return document.Position{}
	}
	at := r.At(n)
	if t := n.GetToken().Type; t == yaml.SingleQuoteType || t == yaml.DoubleQuoteType {
		at.Column++
	}
	return at
}

// source reads the name of a warehouse column. Any name will do but an empty one.
func (r *reader) source(n document.Node, what string) string {
	r.Note(n, document.Form{Kind: document.AnyText, Pattern: `\S`})
	var s string
	if r.Text(n, what, &s) && strings.TrimSpace(s) == "" {
		r.Problem(n, "name a warehouse column", "%s is empty", what)
	}
	return s
}
