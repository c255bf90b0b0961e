package mapping

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// maxOptions is how many options a multi-select column takes.
const maxOptions = 150

// What parts the options of a multi-select column: an array's by a character that is taken out of them, a text's by comma.
const (
	betweenItems   = '\x1f'
	betweenNumbers = ','
)

// choices say how options are named.
type choices struct {
	options []int32    // by number: those of the column, ascending; nil: unknown
	terms   vocabulary // labels or words that stand for options; nil: they are given by number
	known   string     // what a value that names no option is not, for messages
	between rune       // what parts the options of a multi-select column
}

// optional reports whether a column takes options by their numbers.
func optional(column *dataverse.Column) bool {
	switch column.Type { //nolint:exhaustive // the others take none
	case dataverse.Choice, dataverse.MultiChoice, dataverse.State, dataverse.Status:
		return true
	}
	return false
}

// choice compiles a field that is filled with an option of a column, or with several: by number, by label, or by words
// that the map translates.
func (c *compiler) choice(f spec.Field, column *dataverse.Column, s source) {
	out, ok := c.option(f, column, s)
	switch {
	case !ok:
	case column.Type == dataverse.State, column.Type == dataverse.Status:
		c.keep(column, out)
	default:
		c.plan.fields = append(c.plan.fields, out)
	}
}

func (c *compiler) option(f spec.Field, column *dataverse.Column, s source) (field, bool) {
	translated, ok := c.translated(f, column)
	if !ok {
		return field{}, false
	}
	by := &choices{terms: translated, known: c.unnamed(f, column), between: betweenNumbers}
	out := field{
		column: f.Column, source: s.name, name: `"` + f.Column + `":`, form: formChoice, skipNull: f.Null == spec.NullSkip, noNull: f.Null == spec.NullError,
		empty: emptyAction(f.Empty), cut: -1, choices: by,
	}
	if translated == nil {
		for _, o := range column.Options {
			by.options = append(by.options, o.Value)
		}
		slices.Sort(by.options)
	}
	if translated != nil && s.unknown {
		s.class, s.items = text, text
	}
	fits := false
	switch {
	case column.Type == dataverse.MultiChoice:
		out.form = formOptions
		out.kind = String
		class := s.class
		expr := s.plain(s.text(), "''")
		if s.items != other {
			class, expr, by.between = s.items, s.joined(), betweenItems
		}
		fits = names(f, class)
		if translated != nil && s.items == other && fits {
			mend := "give them as an array: write splitByChar(';', " + s.name + ") AS " + s.name + " in the model, with what stands between them"
			if s.computed != nil {
				mend = "give numbers: '1,2'; or an array, made in the model"
			}
			c.report(f, s.name, "one "+s.typ+" holds several options, and their labels or words could hold a comma", mend)
			return field{}, false
		}
		if fits {
			out.slot = c.read(String, expr, s.name)
		}
	case translated != nil:
		if fits = names(f, s.class); fits {
			out.kind = String
			out.slot = c.read(String, s.plain(s.text(), "''"), s.name)
		}
	default:
		var r reading
		if r, fits = whole(s, formChoice); fits {
			out.kind = r.kind
			out.slot = c.read(r.kind, r.expr, s.name)
		}
	}
	if !fits {
		c.report(f, s.name, fmt.Sprintf("%s cannot be written to %s", s.typ, describe(column)), mend(column, s))
		return field{}, false
	}
	if column.Type == dataverse.Boolean {
		out.form = formBoolean
	}
	out.null = c.bit(s)
	return out, true
}

// names reports whether values of a class name options: words may be anything that has one form as text, labels are text.
func names(f spec.Field, class class) bool {
	switch class {
	case text, fixedText:
		return true
	case enum:
		return f.Choice == spec.Label || len(f.Values) > 0
	case signed, unsigned, small, wide:
		return f.Choice != spec.Label
	case boolean, decimal, uuid:
		return len(f.Values) > 0
	case other, ip, float32s, float64s, date, dateTime, dateTime64:
	}
	return false
}

// translated gives the words that a field's values are looked up in; nil when they are numbers.
func (c *compiler) translated(f spec.Field, column *dataverse.Column) (vocabulary, bool) {
	from := strings.Join(f.Sources(), ", ")
	switch {
	case f.Choice == spec.Label && len(f.Values) > 0:
		c.report(f, from, "values says already what each word stands for", "drop choice: label; values may name options by label without it")
		return nil, false
	case f.Choice != spec.Label && len(f.Values) == 0:
		if f.Language != 0 {
			c.report(f, from, "language says which labels are meant, and this field is filled with numbers", "add choice: label, or drop language")
		}
		return nil, f.Language == 0
	case len(column.Options) == 0 && column.Type != dataverse.Boolean:
		c.report(f, from, "Dataverse names no options of "+f.Column, "give the numbers of options: drop choice, values and language")
		return nil, false
	}
	if !c.speaks(f, column) {
		return nil, false
	}
	if len(f.Values) > 0 {
		return c.values(f, column)
	}
	var texts []string
	var values []int32
	for _, o := range column.Options {
		if label := labelOf(o, f.Language); label != "" {
			texts, values = append(texts, label), append(values, o.Value)
		}
	}
	if len(texts) == 0 {
		c.report(f, from, "the options of "+f.Column+" have no labels", "give their numbers, or say what your words mean: values: {word: 1}")
		return nil, false
	}
	all, clash := newVocabulary(texts, values)
	if clash != nil {
		c.report(f, from, fmt.Sprintf("the options %d and %d have the same label, %s", clash[0].value, clash[1].value, clash[0].text),
			fmt.Sprintf("give numbers, or say which is meant: values: {%s: %d, …}", clash[0].text, clash[0].value))
		return nil, false
	}
	return all, true
}

// speaks reports whether the options of a column have labels in the language that is asked for.
func (c *compiler) speaks(f spec.Field, column *dataverse.Column) bool {
	there := map[int]bool{}
	for _, o := range column.Options {
		for language := range o.Labels {
			there[language] = true
		}
	}
	if f.Language == 0 || there[f.Language] {
		return true
	}
	var names []string
	for _, language := range slices.Sorted(maps.Keys(there)) {
		names = append(names, strconv.Itoa(language))
	}
	c.report(f, strings.Join(f.Sources(), ", "), fmt.Sprintf("%s has no labels in language %d", f.Column, f.Language),
		"there are labels in "+strings.Join(names, ", ")+" (1033 is English, 1031 German); whoever customises the environment may install a language")
	return false
}

// labelOf is what people see: in a language that an option has no label in, it is that of another.
func labelOf(o dataverse.Option, language int) string {
	if label := o.Labels[language]; label != "" {
		return label
	}
	return o.Label
}

// values compiles the words that the map translates.
func (c *compiler) values(f spec.Field, column *dataverse.Column) (vocabulary, bool) {
	var texts []string
	var values []int32
	ok := true
	for _, t := range f.Values {
		v, found := c.named(f, column, t.Value, "values."+t.Word)
		if strings.ContainsFunc(t.Word, unicode.IsControl) {
			c.report(f, strings.Join(f.Sources(), ", "), "a word of values has a control character", "write words of letters")
			found = false
		}
		ok = ok && found
		texts, values = append(texts, t.Word), append(values, v)
	}
	all, clash := newVocabulary(texts, values)
	if clash != nil {
		c.report(f, strings.Join(f.Sources(), ", "), fmt.Sprintf("values says both of %s and %s, and neither case nor blanks count", clash[0].text, clash[1].text), "keep one of them")
		ok = false
	}
	return all, ok
}

// named finds the option that a constant of the file names, by number or label, and reports one that is not there.
func (c *compiler) named(f spec.Field, column *dataverse.Column, v spec.Value, what string) (int32, bool) {
	from := strings.Join(f.Sources(), ", ")
	var label string
	if json.Unmarshal([]byte(v), &label) != nil {
		label = string(v)
	}
	if column.Type == dataverse.Boolean {
		if v != "true" && v != "false" {
			c.report(f, from, fmt.Sprintf("%s is %s, and the column takes true or false", what, v), "write "+strings.TrimPrefix(what, "values.")+": true")
			return 0, false
		}
		return map[spec.Value]int32{"true": 1}[v], true
	}
	var found, numbers []int32
	var labels []string
	for _, o := range column.Options {
		known := labelOf(o, f.Language)
		if known != "" && fold(known) == fold(label) {
			found = append(found, o.Value)
		}
		numbers = append(numbers, o.Value)
		labels = append(labels, strings.TrimSpace(fmt.Sprintf("%d %s", o.Value, known)))
	}
	slices.Sort(numbers)
	if n, err := strconv.ParseInt(label, 10, 32); err == nil && len(found) == 0 && (&choices{options: numbers}).has(n) {
		return int32(n), true
	}
	switch len(found) {
	case 1:
		return found[0], true
	case 0:
		var texts []string
		for _, o := range column.Options {
			texts = append(texts, labelOf(o, f.Language))
		}
		mend := "there are " + listed(labels)
		if near := document.Nearest(label, texts); near != "" {
			mend = "did you mean " + near + "?"
		}
		c.report(f, from, fmt.Sprintf("%s: %s has no option %s", what, f.Column, label), mend)
	default:
		c.report(f, from, fmt.Sprintf("%s: the options %d and %d have the same label, %s", what, found[0], found[1], label), "give the number of the one that is meant")
	}
	return 0, false
}

// unnamed says of a value, for messages, that it names no option, and what would.
func (c *compiler) unnamed(f spec.Field, column *dataverse.Column) string {
	var names []string
	switch {
	case len(f.Values) > 0:
		for _, t := range f.Values {
			names = append(names, t.Word)
		}
		return "is none of the words of values: " + listed(names)
	case f.Choice == spec.Label:
		for _, o := range column.Options {
			if label := labelOf(o, f.Language); label != "" {
				names = append(names, label)
			}
		}
		return "is not the label of an option: " + listed(names)
	}
	return "is not the number of an option"
}

// mendOption says how the options of a column can be given.
func mendOption(column *dataverse.Column, s source) string {
	var values []string
	for _, o := range column.Options {
		values = append(values, strings.TrimSpace(fmt.Sprintf("%d %s", o.Value, o.Label)))
	}
	switch {
	case s.class == text || s.class == fixedText || s.class == enum || s.items == enum:
		return fmt.Sprintf("write %s: {from: %s, choice: label}, or values: {word: option}; there are %s", column.Name, s.name, listed(values))
	case column.Type == dataverse.MultiChoice:
		return "give an array with the numbers of options: " + listed(values)
	}
	return "give the number of an option: " + listed(values)
}

// joined reads an array as one text. Its order and repetitions do not matter, so that the hash does not see them; a NULL
// in it becomes blank, which names no option; and what stands between the items is taken out of them, so that such an item is
// refused rather than read as two.
func (s source) joined() string {
	item := "replaceAll(ifNull(CAST(x AS Nullable(String)), ''), char(31), char(30))"
	return "arrayStringConcat(arraySort(arrayDistinct(arrayMap(x -> " + item + ", " + quote(s.name) + "))), char(31))"
}

// has reports whether there is an option of this number.
func (c *choices) has(v int64) bool {
	if v != int64(int32(v)) {
		return false
	}
	_, found := slices.BinarySearch(c.options, int32(v))
	return found || len(c.options) == 0
}

// number gives the option that a text names.
func (c *choices) number(s string) (int32, bool) {
	if c.terms != nil {
		return c.terms.find(s)
	}
	n, ok := parseNumeral(s)
	if !ok {
		return 0, false
	}
	v, within := n.int64()
	return int32(v), within && c.has(v)
}

// option gives the option that a row has for a column that takes one.
func (r *Row) option(f *field) (int32, *penstock.Cause) {
	if f.choices.terms != nil {
		if v, found := f.choices.terms.find(r.strings[f.slot]); found {
			return v, nil
		}
		unknown := "choice_unknown"
		if f.form == formBoolean {
			unknown = "boolean_invalid"
		}
		return 0, refuse(f.column, unknown, "%s %s", f.source, f.choices.known)
	}
	v, fits, cause := r.whole(f)
	if cause != nil {
		return 0, cause
	}
	if !fits || !f.choices.has(v) {
		return 0, refuse(f.column, "choice_unknown", "%s %s", f.source, f.choices.known)
	}
	return int32(v), nil
}

// none reports whether a multi-select column is given no option. NULL and blanks within an array are none.
func (r *Row) none(f *field) bool {
	return strings.IndexFunc(r.strings[f.slot], func(c rune) bool { return c != f.choices.between && !unicode.IsSpace(c) }) < 0
}

// appendOptions appends several options as Dataverse takes them: "1,2,3", each once, in ascending order.
func (r *Row) appendOptions(dst []byte, f *field) ([]byte, *penstock.Cause) {
	chosen := r.chosen[:0]
	for rest := r.strings[f.slot]; rest != ""; {
		item := rest
		if end := strings.IndexByte(rest, byte(f.choices.between)); end >= 0 {
			item, rest = rest[:end], rest[end+1:]
		} else {
			rest = ""
		}
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		v, ok := f.choices.number(item)
		if !ok {
			return dst, refuse(f.column, "choice_unknown", "an item of %s %s", f.source, f.choices.known)
		}
		if at, found := slices.BinarySearch(chosen, v); !found {
			if len(chosen) == maxOptions {
				return dst, refuse(f.column, "too_many_options", "%s has more than the %d options that a multi-select column takes", f.source, maxOptions)
			}
			chosen = slices.Insert(chosen, at, v)
		}
	}
	r.chosen = chosen
	dst = append(dst, '"')
	for i, v := range chosen {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendInt(dst, int64(v))
	}
	return append(dst, '"'), nil
}
