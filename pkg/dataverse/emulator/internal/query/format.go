package query

import (
	"strconv"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// The names of the annotations that rows carry (sections 2.8 and 7).
const (
	formattedValue        = "OData.Community.Display.V1.FormattedValue"
	lookupLogicalName     = "Microsoft.Dynamics.CRM.lookuplogicalname"
	associatedNavigation  = "Microsoft.Dynamics.CRM.associatednavigationproperty"
	totalRecordCount      = "Microsoft.Dynamics.CRM.totalrecordcount"
	pagingCookie          = "Microsoft.Dynamics.CRM.fetchxmlpagingcookie"
	moreRecords           = "Microsoft.Dynamics.CRM.morerecords"
	totalRecordCountLimit = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"
)

// touchNames notes the tables whose rows give the formatted values of the query's columns.
func (d *Reader) touchNames(q *Query) {
	q.columns(func(column int) {
		c := &q.table.Columns[column]
		for _, to := range c.Targets {
			d.touch(d.Tables[to.Table])
		}
		if c.Type == schema.Money && q.table.CurrencyColumn >= 0 {
			d.touch(d.Tables["transactioncurrency"])
		}
	})
}

// appendAnnotations appends the annotations of a column that is not null.
func (d *Reader) appendAnnotations(dst []byte, t *store.Table, r *store.Row, column int, v []byte) []byte {
	c := &t.Columns[column]
	name := store.ReadName(c)
	if c.IsLookup() {
		if index := store.Value(r.Cells, column)[0]; int(index) < len(c.Targets) {
			to := c.Targets[index]
			if d.associated {
				dst = jsonobject.AppendQuoted(appendMember(dst, name, "@"+associatedNavigation), to.Navigation)
			}
			if d.logical {
				dst = jsonobject.AppendQuoted(appendMember(dst, name, "@"+lookupLogicalName), to.Table)
			}
		}
	}
	if d.formatted {
		if text, ok := d.format(t, r, column, v); ok {
			dst = jsonobject.AppendQuoted(appendMember(dst, name, "@"+formattedValue), text)
		}
	}
	return dst
}

// format is a value as the user interface shows it, in the language and formats of the United States and in UTC; false where it has no other form.
func (d *Reader) format(t *store.Table, r *store.Row, column int, v []byte) (string, bool) {
	c := &t.Columns[column]
	switch c.Type {
	case schema.Choice, schema.State, schema.Status:
		return optionLabel(c, string(v))
	case schema.Boolean:
		if string(v) == "true" {
			return optionLabel(c, "1")
		}
		return optionLabel(c, "0")
	case schema.MultiChoice:
		var labels []string
		for one := range strings.SplitSeq(jsonobject.Text(v), ",") {
			if label, ok := optionLabel(c, one); ok {
				labels = append(labels, label)
			}
		}
		return strings.Join(labels, "; "), len(labels) > 0
	case schema.Integer, schema.BigInt:
		return grouped(string(v)), true
	case schema.Decimal, schema.Double:
		return fixed(v, c.Precision), true
	case schema.Money:
		return d.amount(t, r, fixed(v, c.Precision)), true
	case schema.DateTime:
		return localTime(c, jsonobject.Text(v))
	case schema.Lookup, schema.Customer, schema.Owner:
		name := jsonobject.Text(d.nameOf(c, store.Value(r.Cells, column)))
		return name, name != ""
	case schema.String, schema.Memo, schema.ID, schema.Image, schema.File:
	}
	return "", false
}

func optionLabel(c *schema.Column, text string) (string, bool) {
	for _, o := range c.Options {
		if strconv.Itoa(o.Value) == text {
			return o.Label, true
		}
	}
	return "", false
}

// nameOf returns the primary name of the row that a lookup's cell points at, as JSON; nothing when there is none. The target's table is locked.
func (d *Reader) nameOf(c *schema.Column, cell []byte) []byte {
	index, id, ok := store.Reference(cell)
	if !ok || int(index) >= len(c.Targets) {
		return nil
	}
	to := d.Tables[c.Targets[index].Table]
	column, named := to.ByName[to.PrimaryName]
	r := to.Row(id)
	if r == nil || !named {
		return nil
	}
	return to.Peek(r, column)
}

// amount puts the symbol of the row's currency before a number, and the sign before that.
func (d *Reader) amount(t *store.Table, r *store.Row, number string) string {
	symbol := "$"
	currencies := d.Tables["transactioncurrency"]
	if t.CurrencyColumn >= 0 && currencies != nil {
		if _, id, ok := store.Reference(store.Value(r.Cells, t.CurrencyColumn)); ok && currencies.Row(id) != nil {
			symbol = jsonobject.Text(store.Value(currencies.Row(id).Cells, currencies.ByName["currencysymbol"]))
		}
	}
	if rest, negative := strings.CutPrefix(number, "-"); negative {
		return "-" + symbol + rest
	}
	return symbol + number
}

// fixed writes a number with that many digits after the point, and commas between thousands.
func fixed(v []byte, precision int) string {
	n, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return string(v)
	}
	return grouped(strconv.FormatFloat(n, 'f', precision, 64))
}

// grouped puts commas between the thousands of a number.
func grouped(s string) string {
	sign, digits := "", s
	if rest, negative := strings.CutPrefix(s, "-"); negative {
		sign, digits = "-", rest
	}
	whole, fraction, point := strings.Cut(digits, ".")
	var b strings.Builder
	for i, r := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	if point {
		return sign + b.String() + "." + fraction
	}
	return sign + b.String()
}

// localTime is 1/31/2026, with 12:05 PM for what has a time.
func localTime(c *schema.Column, text string) (string, bool) {
	if c.IsDate() {
		at, ok := store.ParseDate([]byte(text))
		return at.Format("1/2/2006"), ok
	}
	at, err := time.Parse(time.RFC3339, text)
	return at.Format("1/2/2006 3:04 PM"), err == nil
}

// sortable is the term by which a column is ordered: lookups by the names of the rows that they point at, everything else by its value.
func (d *Reader) sortable(x term) term {
	c := x.schema()
	if !c.IsLookup() || !x.direct {
		return x
	}
	for _, to := range c.Targets {
		d.touch(d.Tables[to.Table])
	}
	column := x.column
	x.read = func(r *store.Row) []byte { return d.nameOf(c, store.Value(r.Cells, column)) }
	return x
}
