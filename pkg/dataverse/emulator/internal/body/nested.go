package body

import (
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// Nested is what a body holds of related rows: an object in a single-valued navigation property, which is created first and bound; or one of a
// collection-valued property, which is created, or bound, once the row is there.
type Nested struct {
	Column int             // single-valued: the lookup
	To     store.Target    // and the table of the new row
	Link   *store.Incoming // collection-valued
	Bound  bool            // value is the URL of an existing row
	Value  []byte
}

// A Parent is the row that children are created under.
type Parent struct {
	Link  store.Incoming
	Table *store.Table
	ID    uuid.UUID
}

// Bind points the child in b at the parent.
func (p *Parent) Bind(b *Body) {
	b.Refer(p.Link.Column, p.Link.Index, p.ID)
	b.Bound = append(b.Bound, Bound{p.Link.Column, p.Table, p.ID})
}

// nestOne takes the value of a single-valued navigation property without annotation: null clears, an object is a row to create.
func (b *Body) nestOne(t *store.Table, p store.Property, v []byte) *refusal.Error {
	switch {
	case string(v) == "null":
		return nil
	case v[0] != '{':
		return refusal.Payload(t.Set, "Microsoft.Crm.CrmException: CRM do not support direct update of Entity Reference properties, Use Navigation properties instead.")
	}
	to := p.Targets[0]
	if len(p.Targets) > 1 { // ownerid
		r := jsonobject.New(v)
		for r.Next() {
			for _, other := range p.Targets {
				if string(r.Name) == "@odata.type" && strings.HasSuffix(jsonobject.Text(r.Value), "Microsoft.Dynamics.CRM."+other.Table.Name) {
					to = other
				}
			}
		}
	}
	b.Nested = append(b.Nested, Nested{Column: p.Column, To: to, Value: v})
	return nil
}

// nestMany takes the members of a collection-valued navigation property: rows to create, or with @odata.bind the URLs of rows that are there.
func (b *Body) nestMany(t *store.Table, l store.Incoming, name, v []byte, bound bool) *refusal.Error {
	members, ok := jsonobject.Elements(v)
	if !ok {
		return refusal.Payload(t.Set, "Microsoft.OData.ODataException: When reading the value of the navigation property '%s', an array was expected.", name)
	}
	for _, m := range members {
		if (m[0] == '{') == bound {
			return refusal.Payload(t.Set, "Microsoft.OData.ODataException: A member of the navigation property '%s' is of the wrong kind.", name)
		}
		b.Nested = append(b.Nested, Nested{Link: &l, Value: m, Bound: bound})
	}
	return nil
}
