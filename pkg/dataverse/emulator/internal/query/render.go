package query

import (
	"strconv"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// entity renders one row with its context.
func (d *Reader) entity(q *Query, r *store.Row) []byte {
	head := ""
	if d.level != none {
		head = `"@odata.context":"` + d.Root + "$metadata#" + q.context() + `/$entity"`
	}
	return d.appendRow(nil, q, r, head)
}

// appendRow appends a row of the query as JSON; the primary key is always there. head is what comes first.
func (d *Reader) appendRow(dst []byte, q *Query, r *store.Row, head string) []byte {
	t := q.table
	dst = append(append(dst, '{'), head...)
	if d.level != none {
		if d.level == full {
			dst = d.appendIdentity(dst, t, r)
		}
		dst = append(comma(dst), `"@odata.etag":"W/\"`...)
		dst = append(strconv.AppendUint(dst, r.Version, 10), `\""`...)
	}
	q.columns(func(column int) { dst = d.appendColumn(dst, t, r, column) })
	if d.level == full && q.selected == nil {
		dst = d.appendLinks(dst, t, r)
	}
	for _, x := range q.expands {
		dst = d.appendExpansion(dst, x, r)
	}
	return append(dst, '}')
}

// comma separates a member from the one before it.
func comma(dst []byte) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return dst
}

// appendMember appends a comma, a name and a colon.
func appendMember(dst []byte, name, annotation string) []byte {
	dst = append(append(comma(dst), '"'), name...)
	return append(append(dst, annotation...), `":`...)
}

// appendColumn appends a column with its annotations, which come first.
func (d *Reader) appendColumn(dst []byte, t *store.Table, r *store.Row, column int) []byte {
	c := &t.Columns[column]
	name := store.ReadName(c)
	v := t.Peek(r, column)
	if d.annotated && len(v) > 0 {
		dst = d.appendAnnotations(dst, t, r, column, v)
	}
	if d.level == full && len(v) > 0 && c.Edm() != "Edm.String" && c.Edm() != "Edm.Boolean" && c.Edm() != "Edm.Double" {
		dst = append(appendMember(dst, name, "@odata.type"), `"#`+strings.TrimPrefix(c.Edm(), "Edm.")+`"`...)
	}
	dst = appendMember(dst, name, "")
	if len(v) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, v...)
}

// appendIdentity appends what odata.metadata=full says of a row.
func (d *Reader) appendIdentity(dst []byte, t *store.Table, r *store.Row) []byte {
	address := t.Set + "(" + r.ID.String() + ")"
	dst = append(appendMember(dst, "", "@odata.type"), `"#Microsoft.Dynamics.CRM.`+t.Name+`"`...)
	dst = append(appendMember(dst, "", "@odata.id"), `"`+d.Root+address+`"`...)
	return append(appendMember(dst, "", "@odata.editLink"), `"`+address+`"`...)
}

// appendLinks appends the navigation links of odata.metadata=full.
func (d *Reader) appendLinks(dst []byte, t *store.Table, r *store.Row) []byte {
	base := `"` + d.Root + t.Set + "(" + r.ID.String() + ")/"
	for _, name := range navigationNames(t) {
		dst = append(appendMember(dst, name, "@odata.associationLink"), base+name+`/$ref"`...)
		dst = append(appendMember(dst, name, "@odata.navigationLink"), base+name+`"`...)
	}
	return dst
}

// Entity renders one row with all that is expanded below it. The tables are locked.
func (d *Reader) Entity(q *Query, r *store.Row) []byte {
	d.gather(q, []*store.Row{r})
	return d.entity(q, r)
}
