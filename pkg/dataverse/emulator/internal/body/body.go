package body

import (
	"bytes"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// A Body is a decoded row body: the changes, ordered by column. It is kept and reused over the operations of a request.
type Body struct {
	Rules   *Rules
	Changes []store.Cell
	Invalid *refusal.Error // the first value that is of the right type, but not valid: Dataverse looks at these after privileges
	Money   bool           // some money column is set
	Bound   []Bound
	Nested  []Nested
	ID      uuid.UUID // the primary key's value, when it is in the body
	HasID   bool
	arena   []byte // what cells point into when they do not point into the request
}

// Rules are what bodies are read by.
type Rules struct {
	Locate         func(url []byte) (*store.Table, uuid.UUID, *refusal.Error) // finds the row that a URL addresses
	StrictReadOnly bool                                                       // values for read-only columns are refused; else ignored
	NoBindByNull   bool                                                       // a null for nav@odata.bind is refused; else it clears the lookup
}

// Another returns an empty body that is read by the same rules.
func (b *Body) Another() Body { return Body{Rules: b.Rules} }

// Bound is one lookup that the body sets, with the row that it then points at, for the AppendTo privilege.
type Bound struct {
	Column int
	Table  *store.Table
	ID     uuid.UUID
}

// Binds reports whether the body sets the lookup.
func (b *Body) Binds(column int) bool {
	return slices.ContainsFunc(b.Bound, func(to Bound) bool { return to.Column == column })
}

// Reset empties the body, and keeps its buffers.
func (b *Body) Reset() {
	b.Changes, b.Bound, b.Nested, b.arena = b.Changes[:0], b.Bound[:0], b.Nested[:0], b.arena[:0]
	b.Invalid, b.Money, b.ID, b.HasID = nil, false, uuid.Nil, false
}

// keep returns what was appended to the arena from start on. Earlier cells stay valid when it grows: they keep the old array.
func (b *Body) keep(start int) []byte { return b.arena[start:len(b.arena):len(b.arena)] }

// Decode reads text as a row of t. contentType may ask for decimals as strings.
func (b *Body) Decode(t *store.Table, text, contentType []byte) *refusal.Error {
	b.Reset()
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return refusal.Payload("", "System.ArgumentException: Stream was not readable.")
	}
	decimalText := bytes.Contains(contentType, []byte("IEEE754Compatible=true"))
	r := jsonobject.New(text)
	for r.Next() {
		p, known := t.Properties[string(r.Name)]
		if !known {
			if err := b.other(t, r.Name, r.Value); err != nil {
				return err
			}
			continue
		}
		var v []byte
		var err *refusal.Error
		switch p.Kind {
		case store.Logical:
			err = untypedValue(t, r.Name)
		case store.Navigation:
			err = b.nestOne(t, p, r.Value)
		case store.Bind:
			v, err = b.bind(t, p, r.Name, r.Value)
		case store.Plain:
			v, err = b.plain(t, p.Column, r.Value, decimalText)
		}
		if err != nil {
			return err
		}
		if p.Column == t.PrimaryColumn && p.Kind == store.Plain {
			b.ID, b.HasID = uuid.Nil, false
			if v != nil {
				b.ID, b.HasID = store.ParseGUID(v[1:37])
			}
			continue
		}
		if p.Kind == store.Plain && t.Columns[p.Column].ReadOnly {
			if b.Rules.StrictReadOnly {
				return unknownProperty(t, r.Name)
			}
			continue
		}
		var again bool
		if b.Changes, again = store.Put(b.Changes, store.Cell{Column: p.Column, Value: v}); again && p.Kind == store.Plain {
			return refusal.Payload(t.Set, "Microsoft.OData.ODataException: Multiple properties with the name '%s' were detected in a resource or a complex value. "+
				"According to OData, duplicate property names are not allowed.", r.Name)
		}
	}
	if r.Err() != nil {
		return refusal.Payload("", "Microsoft.OData.ODataException: %s", r.Err())
	}
	return nil
}

// other takes a name that is no property of the row itself: a collection of related rows, or an annotation.
func (b *Body) other(t *store.Table, name, v []byte) *refusal.Error {
	if l, ok := t.Incoming[string(name)]; ok {
		return b.nestMany(t, l, name, v, false)
	}
	if collection, bound := bytes.CutSuffix(name, []byte("@odata.bind")); bound {
		if l, ok := t.Incoming[string(collection)]; ok {
			return b.nestMany(t, l, name, v, true)
		}
	}
	return b.annotation(t, name)
}

// Refer sets a lookup to a row of the target with that index.
func (b *Body) Refer(column int, index byte, id uuid.UUID) {
	start := len(b.arena)
	b.arena = store.AppendReference(b.arena, index, id)
	b.Changes, _ = store.Put(b.Changes, store.Cell{Column: column, Value: b.keep(start)})
}

// bind resolves nav@odata.bind to a lookup's value.
func (b *Body) bind(t *store.Table, p store.Property, name, v []byte) ([]byte, *refusal.Error) {
	if string(v) == "null" {
		if b.Rules.NoBindByNull {
			return nil, refusal.Payload(t.Set, "Microsoft.OData.ODataException: The 'odata.bind' instance or property annotation has a null value. In OData, the 'odata.bind' instance or property annotation must have a non-null string value.")
		}
		return nil, nil
	}
	if v[0] != '"' {
		return nil, refusal.Payload(t.Set, "Microsoft.OData.ODataException: The annotation '%s' has the value %.100s where a string was expected.", name, v)
	}
	url := v[1 : len(v)-1]
	if bytes.IndexByte(url, '\\') >= 0 {
		url = []byte(jsonobject.Text(v))
	}
	to, id, err := b.Rules.Locate(url)
	if err != nil {
		return nil, err
	}
	for _, target := range p.Targets {
		if target.Table != to {
			continue
		}
		b.Bound = append(b.Bound, Bound{p.Column, to, id})
		start := len(b.arena)
		b.arena = store.AppendReference(b.arena, target.Index, id)
		return b.keep(start), nil
	}
	return nil, refusal.Payload(t.Set, "Microsoft.OData.ODataException: '%s' of '%s' does not point at '%s'.", strings.TrimSuffix(string(name), "@odata.bind"), t.Name, to.Name)
}

// plain checks a column's value and returns it as a cell holds it, nil for null.
func (b *Body) plain(t *store.Table, column int, v []byte, decimalText bool) ([]byte, *refusal.Error) {
	col := &t.Columns[column]
	if string(v) == "null" {
		if col.Required == "SystemRequired" && column != t.PrimaryColumn {
			b.refuse(refusal.RequiredMissing.Says("The required field '%s' is missing.", col.Name))
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
		return nil, refusal.NotImplemented.Says("The emulator keeps neither images nor files: '%s' of '%s' can only be null.", col.Name, t.Name)
	case schema.ID, schema.Lookup, schema.Customer, schema.Owner:
		if v[0] == '"' {
			if id, ok := store.ParseGUID(v[1 : len(v)-1]); ok {
				start := len(b.arena)
				b.arena = append(store.AppendGUID(append(b.arena, '"'), id), '"')
				return b.keep(start), nil
			}
		}
	}
	return nil, literal(t, col, v)
}

// refuse keeps the first validation error.
func (b *Body) refuse(f *refusal.Error) {
	if b.Invalid == nil {
		b.Invalid = f
	}
}

// literal is the 400 for a value of the wrong JSON type or form.
func literal(t *store.Table, col *schema.Column, v []byte) *refusal.Error {
	said := string(v)
	if v[0] == '"' {
		said = jsonobject.Text(v)
	}
	if col.IsDate() {
		return refusal.Payload(t.Set, "Microsoft.OData.ODataException: Cannot convert the literal '%[1]s' to the expected type 'Edm.Date'. ---> "+
			"System.FormatException: String '%[1]s' was not recognized as a valid Edm.Date.", said)
	}
	return refusal.Payload(t.Set, "Microsoft.OData.ODataException: Cannot convert the literal '%s' to the expected type '%s'.", said, col.Edm())
}

// outside is the validation error of a number beyond its bounds.
func (b *Body) outside(k refusal.Kind, t *store.Table, col *schema.Column) {
	b.refuse(k.Says("A validation error occurred. The value of '%s' on record of type '%s' is outside the valid range.", col.Name, t.Name))
}
