package schema

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/document"
)

// types are the words for the types of columns.
var types = map[string]Type{ //nolint:gochecknoglobals // constant table
	"text": String, "memo": Memo, "integer": Integer, "bigint": BigInt, "decimal": Decimal, "double": Double, "money": Money, "boolean": Boolean,
	"choice": Choice, "multichoice": MultiChoice, "date": DateTime, "datetime": DateTime, "guid": ID, "lookup": Lookup, "customer": Customer,
	"image": Image, "file": File,
}

func typeWords() []string { return slices.Sorted(maps.Keys(types)) }

// columns reads a mapping of schema names to columns.
func (r *reader) columns(n document.Node, of string) []Column {
	var columns []Column
	for _, e := range r.Entries(n, "columns of "+of) {
		if !r.custom(e, "a column") {
			continue
		}
		c := r.column(e)
		if slices.ContainsFunc(columns, func(other Column) bool { return other.Name == c.Name }) {
			r.Problem(e.Key, "keep one of them", "the column %s comes twice", c.Name)
			continue
		}
		columns = append(columns, c)
	}
	return columns
}

// column reads a column: its type alone, or a mapping.
func (r *reader) column(e document.Entry) Column {
	_, plain, _ := strings.Cut(e.Name, "_")
	c := column(String, e.Name, plain)
	word := "text"
	if !document.IsMapping(e.Value) {
		r.Word(e.Value, "the type of "+e.Name, &word, typeWords()...)
		c.Type = types[word]
		if c.Type == Lookup || c.Type == Choice || c.Type == MultiChoice {
			r.Problem(e.Value, "write it as {lookup: account} or {type: choice, options: {1: One}}", "%s says not what it points at or offers", e.Name)
		}
		return finish(c, word)
	}
	what := "column " + e.Name
	targets, typed := document.Node(nil), false
	r.Object(e.Value, what,
		document.Optional("type", func(n document.Node) { typed = r.Word(n, "type", &word, typeWords()...) }),
		document.Optional("label", func(n document.Node) { r.Text(n, "label", &c.Label) }),
		document.Optional("labels", func(n document.Node) { c.Labels = r.labels(n) }),
		document.Optional("length", func(n document.Node) { r.Whole(n, "length", &c.MaxLength) }),
		document.Optional("min", func(n document.Node) { r.Number(n, "min", &c.Min) }),
		document.Optional("max", func(n document.Node) { r.Number(n, "max", &c.Max) }),
		document.Optional("precision", func(n document.Node) { r.Whole(n, "precision", &c.Precision) }),
		document.Optional("max_size", func(n document.Node) { r.Whole(n, "max_size", &c.MaxSize) }),
		document.Optional("format", func(n document.Node) { r.Text(n, "format", &c.Format) }),
		document.Optional("behavior", func(n document.Node) { r.Word(n, "behavior", &c.Behavior, UserLocal, DateOnly, TimeZoneIndependent) }),
		document.Optional("required", func(n document.Node) {
			r.Word(n, "required", &c.Required, "None", "Recommended", "ApplicationRequired", "SystemRequired")
		}),
		document.Optional("source", func(n document.Node) {
			var source string
			r.Word(n, "source", &source, "calculated", "rollup", "formula")
			c.Source = map[string]Source{"calculated": Calculated, "rollup": Rollup, "formula": Formula}[source]
			c.ReadOnly = true
		}),
		document.Optional("secured", func(n document.Node) { r.Bool(n, "secured", &c.Secured) }),
		document.Optional("read_only", func(n document.Node) { r.Bool(n, "read_only", &c.ReadOnly) }),
		document.Optional("primary", func(n document.Node) { r.Bool(n, "primary", &c.Primary) }),
		document.Optional("options", func(n document.Node) { c.Options = r.options(n) }),
		document.Optional("global", func(n document.Node) { r.global(n, &c) }),
		document.Optional("default", func(n document.Node) {
			var value int
			if r.Whole(n, "default", &value) {
				c.Default = &value
			}
		}),
		document.Optional("lookup", func(n document.Node) { targets = n }),
	)
	if targets != nil {
		if !typed {
			word = "lookup"
		}
		c.Targets = r.targets(targets, e.Name)
	}
	c.Type = types[word]
	switch {
	case (c.Type == Choice || c.Type == MultiChoice) && len(c.Options) == 0:
		r.Problem(e.Key, "add options: {1: One}, or global: the name of one of choices", "%s has no options", what)
	case c.Type == Lookup && len(c.Targets) == 0:
		r.Problem(e.Key, "write it as {lookup: account}", "%s does not say what it points at", what)
	case c.Type != Lookup && len(c.Targets) > 0:
		r.Problem(e.Key, "drop one of type and lookup", "%s is both of type %s and a lookup", what, word)
	case c.MaxLength < 0 || c.Precision < 0 || c.MaxSize < 0 || c.Min > c.Max:
		r.Problem(e.Key, "", "the bounds of %s are below zero, or the wrong way round", what)
	}
	return finish(c, word)
}

// finish fills in what Dataverse proposes for a new column of the type.
func finish(c Column, word string) Column {
	switch {
	case c.Type == String && c.MaxLength == 0:
		c.MaxLength = 100
	case c.Type == Memo && c.MaxLength == 0:
		c.MaxLength = 2000
	case (c.Type == Decimal || c.Type == Money) && c.Precision == 0:
		c.Precision = 2
	case c.Type == Double && c.Precision == 0:
		c.Precision = 5
	case c.Type == Boolean && len(c.Options) == 0:
		c.Options = []Option{{Value: 0, Label: "No"}, {Value: 1, Label: "Yes"}}
	case word == "date" && c.Behavior == "":
		c.Behavior = DateOnly
	case word == "datetime" && c.Behavior == "":
		c.Behavior = UserLocal
	case c.Type == Customer:
		c.Targets = customer(c.Schema, c.Label).Targets
	case c.Type == Image && c.MaxSize == 0:
		c.MaxSize = 10240
	case c.Type == File && c.MaxSize == 0:
		c.MaxSize = 32768
	}
	return c
}

// targets reads what a lookup points at: a table, a mapping with more, or a list of them.
func (r *reader) targets(n document.Node, column string) []Target {
	var targets []Target
	list := document.List(n)
	for _, item := range list {
		var to Target
		if !document.IsMapping(item) {
			r.Text(item, "lookup", &to.Table)
		} else {
			var onDelete string
			r.Object(item, "lookup",
				document.Optional("table", func(n document.Node) { r.Text(n, "table", &to.Table) }),
				document.Optional("navigation", func(n document.Node) { r.Text(n, "navigation", &to.Navigation) }),
				document.Optional("relationship", func(n document.Node) { r.Text(n, "relationship", &to.Relationship) }),
				document.Optional("collection", func(n document.Node) { r.Text(n, "collection", &to.Collection) }),
				document.Optional("delete", func(n document.Node) { r.Word(n, "delete", &onDelete, "restrict", "cascade", "remove_link") }),
			)
			to.Restrict, to.Cascade = onDelete == "restrict", onDelete == "cascade"
		}
		if to.Navigation == "" {
			if to.Navigation = column; len(list) > 1 { // a polymorphic lookup has one for each target
				to.Navigation += "_" + to.Table
			}
		}
		targets = append(targets, to)
	}
	return targets
}

// labels reads translations by language code.
func (r *reader) labels(n document.Node) Labels {
	labels := Labels{}
	for _, e := range r.Entries(n, "labels") {
		code, err := strconv.Atoi(e.Name)
		if err != nil || code < 1 || code > 65535 {
			r.Problem(e.Key, "use one as 1031 for German", "%q is not a language code", e.Name)
			continue
		}
		var label string
		r.Text(e.Value, "a label", &label)
		labels[code] = label
	}
	return labels
}

// options reads the values of a choice with their labels; a label may be a mapping with translations.
func (r *reader) options(n document.Node) []Option {
	var options []Option
	for _, e := range r.Entries(n, "options") {
		var o Option
		var err error
		if o.Value, err = strconv.Atoi(e.Name); err != nil {
			r.Problem(e.Key, "write options as {1: Low, 2: High}", "%q is not a whole number", e.Name)
			continue
		}
		if document.IsMapping(e.Value) {
			r.Object(e.Value, "option",
				document.Optional("label", func(n document.Node) { r.Text(n, "label", &o.Label) }),
				document.Optional("labels", func(n document.Node) { o.Labels = r.labels(n) }),
			)
		} else {
			r.Text(e.Value, "the label of an option", &o.Label)
		}
		options = append(options, o)
	}
	return options
}

// globals reads choices, which come before the columns that refer to them whatever their place in the file.
func (r *reader) globals(n document.Node) {
	for _, e := range r.Entries(n, "choices") {
		g := &globalChoice{GlobalChoice: GlobalChoice{Name: e.Name, Label: e.Name}}
		r.Object(e.Value, "choice "+e.Name,
			document.Optional("label", func(n document.Node) { r.Text(n, "label", &g.Label) }),
			document.Optional("options", func(n document.Node) { g.options = r.options(n) }),
		)
		if len(g.options) == 0 {
			r.Problem(e.Key, "add options: {1: One}", "the choice %s has no options", e.Name)
		}
		r.choices[e.Name] = g
	}
}

func (r *reader) global(n document.Node, c *Column) {
	var name string
	if !r.Text(n, "global", &name) {
		return
	}
	g := r.choices[name]
	if g == nil {
		r.Problem(n, document.DidYouMean(name, slices.Sorted(maps.Keys(r.choices))), "there is no choice %q under choices", name)
		return
	}
	c.Global, c.Options = g.GlobalChoice, g.options
}

// states reads a list of states, each with its status reasons. The first is 0.
func (r *reader) states(n document.Node) (labels []string, reasons []Option) {
	for state, item := range document.List(n) {
		label := "State " + strconv.Itoa(state)
		var own []Option
		r.Object(item, "state",
			document.Optional("label", func(n document.Node) { r.Text(n, "label", &label) }),
			document.Optional("reasons", func(n document.Node) { own = r.options(n) }),
		)
		if len(own) == 0 {
			r.Problem(item, "add reasons: {1: Active}", "the state %s has no status reasons", label)
		}
		for _, o := range own {
			o.State = state
			if slices.ContainsFunc(reasons, func(other Option) bool { return other.Value == o.Value }) {
				r.Problem(item, "number them through all states", "the status reason %d comes twice", o.Value)
			}
			reasons = append(reasons, o)
		}
		labels = append(labels, label)
	}
	return labels, reasons
}

// keys reads a mapping of names to columns, or to mappings with more.
func (r *reader) keys(n document.Node, t *Table) []Key {
	var keys []Key
	for _, e := range r.Entries(n, "keys of "+t.Name) {
		k, sound := Key{Name: strings.ToLower(e.Name), Schema: e.Name, Label: e.Name}, true
		read := func(n document.Node) {
			for _, item := range document.List(n) {
				var name string
				if !r.Text(item, "a column of key "+e.Name, &name) {
					sound = false
					continue
				}
				c, ok := t.Column(strings.ToLower(name))
				if !ok {
					sound = false
					var known []string
					for _, c := range t.Columns {
						known = append(known, c.Name)
					}
					r.Problem(item, document.DidYouMean(name, known), "key %s names the unknown column %q", e.Name, name)
					continue
				}
				k.Columns = append(k.Columns, c.Name)
			}
		}
		if document.IsMapping(e.Value) {
			r.Object(e.Value, "key "+e.Name,
				document.Optional("label", func(n document.Node) { r.Text(n, "label", &k.Label) }),
				document.Optional("columns", read),
				document.Optional("status", func(n document.Node) { r.Word(n, "status", &k.Status, Pending, InProgress, Active, Failed) }),
			)
		} else {
			read(e.Value)
		}
		if sound { // what is not has been said
			keys = append(keys, k)
		}
	}
	return keys
}
