package emulator

import (
	"bytes"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// A body is a decoded row body: the changes, ordered by column. It is kept and reused over the operations of a request.
type body struct {
	rules   *bodyRules
	changes []cell
	invalid *failure // the first value that is of the right type, but not valid: Dataverse looks at these after privileges
	money   bool     // some money column is set
	bound   []boundTo
	nested  []nested
	id      uuid.UUID // the primary key's value, when it is in the body
	hasID   bool
	arena   []byte // what cells point into when they do not point into the request
}

// bodyRules are what bodies are read by.
type bodyRules struct {
	locate         func(url []byte) (*table, uuid.UUID, *failure) // finds the row that a URL addresses
	strictReadOnly bool                                           // values for read-only columns are refused; else ignored
	noBindByNull   bool                                           // a null for nav@odata.bind is refused; else it clears the lookup
}

// another returns an empty body that is read by the same rules.
func (b *body) another() body { return body{rules: b.rules} }

// boundTo is one lookup that the body sets, with the row that it then points at, for the AppendTo privilege.
type boundTo struct {
	column int
	table  *table
	id     uuid.UUID
}

// binds reports whether the body sets the lookup.
func (b *body) binds(column int) bool {
	return slices.ContainsFunc(b.bound, func(to boundTo) bool { return to.column == column })
}

// reset empties the body, and keeps its buffers.
func (b *body) reset() {
	b.changes, b.bound, b.nested, b.arena = b.changes[:0], b.bound[:0], b.nested[:0], b.arena[:0]
	b.invalid, b.money, b.id, b.hasID = nil, false, uuid.Nil, false
}

// keep returns what was appended to the arena from start on. Earlier cells stay valid when it grows: they keep the old array.
func (b *body) keep(start int) []byte { return b.arena[start:len(b.arena):len(b.arena)] }

// decode reads text as a row of t. contentType may ask for decimals as strings.
func (b *body) decode(t *table, text, contentType []byte) *failure {
	b.reset()
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return payload("", "System.ArgumentException: Stream was not readable.")
	}
	decimalText := bytes.Contains(contentType, []byte("IEEE754Compatible=true"))
	r := jsonobject.New(text)
	for r.Next() {
		p, known := t.properties[string(r.Name)]
		if !known {
			if err := b.other(t, r.Name, r.Value); err != nil {
				return err
			}
			continue
		}
		var v []byte
		var err *failure
		switch p.kind {
		case logical:
			err = untypedValue(t, r.Name)
		case navigation:
			err = b.nestOne(t, p, r.Value)
		case bind:
			v, err = b.bind(t, p, r.Name, r.Value)
		case plain:
			v, err = b.plain(t, p.column, r.Value, decimalText)
		}
		if err != nil {
			return err
		}
		if p.column == t.primary && p.kind == plain {
			b.id, b.hasID = uuid.Nil, false
			if v != nil {
				b.id, b.hasID = parseGUID(v[1:37])
			}
			continue
		}
		if p.kind == plain && t.columns[p.column].ReadOnly {
			if b.rules.strictReadOnly {
				return unknownProperty(t, r.Name)
			}
			continue
		}
		var again bool
		if b.changes, again = put(b.changes, cell{p.column, v}); again && p.kind == plain {
			return payload(t.Set, "Microsoft.OData.ODataException: Multiple properties with the name '%s' were detected in a resource or a complex value. "+
				"According to OData, duplicate property names are not allowed.", r.Name)
		}
	}
	if r.Err() != nil {
		return payload("", "Microsoft.OData.ODataException: %s", r.Err())
	}
	return nil
}

// other takes a name that is no property of the row itself: a collection of related rows, or an annotation.
func (b *body) other(t *table, name, v []byte) *failure {
	if l, ok := t.incoming[string(name)]; ok {
		return b.nestMany(t, l, name, v, false)
	}
	if collection, bound := bytes.CutSuffix(name, []byte("@odata.bind")); bound {
		if l, ok := t.incoming[string(collection)]; ok {
			return b.nestMany(t, l, name, v, true)
		}
	}
	return b.annotation(t, name)
}

// refer sets a lookup to a row of the target with that index.
func (b *body) refer(column int, index byte, id uuid.UUID) {
	start := len(b.arena)
	b.arena = appendReference(b.arena, index, id)
	b.changes, _ = put(b.changes, cell{column, b.keep(start)})
}

// bind resolves nav@odata.bind to a lookup's value.
func (b *body) bind(t *table, p property, name, v []byte) ([]byte, *failure) {
	if string(v) == "null" {
		if b.rules.noBindByNull {
			return nil, payload(t.Set, "Microsoft.OData.ODataException: The 'odata.bind' instance or property annotation has a null value. In OData, the 'odata.bind' instance or property annotation must have a non-null string value.")
		}
		return nil, nil
	}
	if v[0] != '"' {
		return nil, payload(t.Set, "Microsoft.OData.ODataException: The annotation '%s' has the value %.100s where a string was expected.", name, v)
	}
	url := v[1 : len(v)-1]
	if bytes.IndexByte(url, '\\') >= 0 {
		url = []byte(jsonobject.Text(v))
	}
	to, id, err := b.rules.locate(url)
	if err != nil {
		return nil, err
	}
	for _, target := range p.targets {
		if target.table != to {
			continue
		}
		b.bound = append(b.bound, boundTo{p.column, to, id})
		start := len(b.arena)
		b.arena = appendReference(b.arena, target.index, id)
		return b.keep(start), nil
	}
	return nil, payload(t.Set, "Microsoft.OData.ODataException: '%s' of '%s' does not point at '%s'.", strings.TrimSuffix(string(name), "@odata.bind"), t.Name, to.Name)
}

// plain checks a column's value and returns it as a cell holds it, nil for null.
func (b *body) plain(t *table, column int, v []byte, decimalText bool) ([]byte, *failure) {
	col := &t.columns[column]
	if string(v) == "null" {
		if col.Required == "SystemRequired" && column != t.primary {
			b.refuse(requiredMissing.says("The required field '%s' is missing.", col.Name))
		}
		return nil, nil
	}
	switch col.Type {
	case schema.String, schema.Memo:
		return b.text(t, col, v)
	case schema.Boolean:
		if v[0] != 't' && v[0] != 'f' {
			return nil, literal(t, col, v)
		}
		return v, nil
	case schema.Integer, schema.BigInt, schema.Choice, schema.State, schema.Status:
		return b.whole(t, col, v)
	case schema.Decimal, schema.Double, schema.Money:
		return b.number(t, col, v, decimalText)
	case schema.MultiChoice:
		return b.multi(t, col, v)
	case schema.DateTime:
		return b.moment(t, col, v)
	case schema.Image, schema.File:
		return nil, notImplemented.says("The emulator keeps neither images nor files: '%s' of '%s' can only be null.", col.Name, t.Name)
	case schema.ID, schema.Lookup, schema.Customer, schema.Owner:
		if v[0] == '"' {
			if id, ok := parseGUID(v[1 : len(v)-1]); ok {
				start := len(b.arena)
				b.arena = append(appendGUID(append(b.arena, '"'), id), '"')
				return b.keep(start), nil
			}
		}
	}
	return nil, literal(t, col, v)
}

// refuse keeps the first validation error.
func (b *body) refuse(f *failure) {
	if b.invalid == nil {
		b.invalid = f
	}
}

// literal is the 400 for a value of the wrong JSON type or form.
func literal(t *table, col *schema.Column, v []byte) *failure {
	said := string(v)
	if v[0] == '"' {
		said = jsonobject.Text(v)
	}
	if col.IsDate() {
		return payload(t.Set, "Microsoft.OData.ODataException: Cannot convert the literal '%[1]s' to the expected type 'Edm.Date'. ---> "+
			"System.FormatException: String '%[1]s' was not recognized as a valid Edm.Date.", said)
	}
	return payload(t.Set, "Microsoft.OData.ODataException: Cannot convert the literal '%s' to the expected type '%s'.", said, col.Edm())
}

// outside is the validation error of a number beyond its bounds.
func (b *body) outside(k kind, t *table, col *schema.Column) {
	b.refuse(k.says("A validation error occurred. The value of '%s' on record of type '%s' is outside the valid range.", col.Name, t.Name))
}
