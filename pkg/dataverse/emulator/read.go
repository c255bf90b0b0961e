package emulator

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// maxPage is the default and greatest page size, and where $count ends.
const maxPage = 5000

// A query is what the query string of a GET asks for (section 7).
type query struct {
	selected []int // columns in order; nil means all
	filter   predicate
	order    []ordering
	top      int // -1 without
	counted  bool
	after    uint64 // $skiptoken: rows with a greater serial
}

type ordering struct {
	column     int
	descending bool
}

// parseQuery reads the system query options. Other parameters (tag, partitionId) are ignored, as Dataverse does.
func (c *call) parseQuery(t *table, text []byte) (query, *failure) {
	q := query{top: -1}
	if len(text) == 0 {
		return q, nil
	}
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return q, badURI.says("Bad Request - Error in query syntax.")
	}
	for name, all := range values {
		var f *failure
		switch v := all[0]; name {
		case "$select":
			q.selected, f = t.selection(v)
		case "$filter":
			q.filter, f = t.parseFilter(v)
		case "$orderby":
			q.order, f = t.ordering(v)
		case "$top":
			if q.top, err = strconv.Atoi(v); err != nil || q.top < 0 {
				f = badURI.says("Invalid value '%s' for $top query option found.", v)
			}
		case "$count":
			q.counted = v == "true"
		case "$skiptoken":
			if q.after, err = strconv.ParseUint(v, 10, 64); err != nil {
				f = badURI.says("Bad Request - Error in query syntax.")
			}
		case "$skip":
			f = badURI.says("Skip Clause is not supported in CRM")
		case "$expand", "$apply", "fetchXml":
			f = notImplemented.says("The emulator does not know the query option %s.", name)
		default:
			if strings.HasPrefix(name, "$") {
				f = badURI.says("The query parameter '%s' is not supported.", name)
			}
		}
		if f != nil {
			return q, f
		}
	}
	return q, nil
}

func unknownColumn(t *table, name string) *failure {
	return badURI.says("Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", name, t.Name)
}

func (t *table) selection(list string) ([]int, *failure) {
	selected := []int{}
	for name := range strings.SplitSeq(list, ",") {
		column, ok := t.readable[strings.TrimSpace(name)]
		if !ok {
			return nil, unknownColumn(t, strings.TrimSpace(name))
		}
		selected = append(selected, column)
	}
	slices.Sort(selected)
	return slices.Compact(selected), nil
}

func (t *table) ordering(list string) ([]ordering, *failure) {
	var order []ordering
	for item := range strings.SplitSeq(list, ",") {
		name, direction, _ := strings.Cut(strings.TrimSpace(item), " ")
		column, ok := t.readable[name]
		if !ok {
			return nil, unknownColumn(t, name)
		}
		order = append(order, ordering{column, strings.TrimSpace(direction) == "desc"})
	}
	return order, nil
}

// retrieve is GET /set(id) and /set(key).
func (c *call) retrieve(op *batch.Operation, a *address, text []byte) *reply {
	q, f := c.parseQuery(a.table, text)
	if f != nil {
		return failed(f)
	}
	if f := c.denied(a.table, a.table.privilege.read); f != nil {
		return failed(f)
	}
	a.table.mu.RLock()
	defer a.table.mu.RUnlock()
	r := a.row()
	if r == nil {
		return failed(a.missing())
	}
	if f := c.mayRead(a.table, r); f != nil {
		return failed(f)
	}
	switch {
	case string(op.IfNoneMatch) == etag(r.version):
		return &reply{status: http.StatusNotModified}
	case len(op.IfMatch) > 0 && string(op.IfMatch) != "*" && string(op.IfMatch) != etag(r.version):
		return failed(versionMismatch.says("The version of the existing record doesn't match the RowVersion property provided."))
	}
	return &reply{status: http.StatusOK, contentType: entityJSON + "; odata.streaming=true", etag: r.version, body: c.entity(a.table, c.seen(a.table, r), q.selected)}
}

// list is GET /set.
func (c *call) list(op *batch.Operation, t *table, text []byte) *reply {
	q, f := c.parseQuery(t, text)
	if f != nil {
		return failed(f)
	}
	if f := c.denied(t, t.privilege.read); f != nil {
		return failed(f)
	}
	page, applied := pageSize(op.Prefer)
	t.mu.RLock()
	defer t.mu.RUnlock()
	found, total := t.search(q, c.view(t))
	limit, more := page, false
	if q.top >= 0 {
		limit = min(q.top, maxPage)
	} else if len(found) > page {
		more = true
	}
	found = found[:min(limit, len(found))]
	out := append([]byte(nil), `{"@odata.context":"`...)
	out = append(append(append(append(out, c.root...), "$metadata#"...), t.Set...), '"')
	if q.counted {
		out = append(out, `,"@odata.count":`...)
		out = strconv.AppendInt(out, int64(min(total, maxPage)), 10)
	}
	out = append(out, `,"value":[`...)
	for i, r := range found {
		if i > 0 {
			out = append(out, ',')
		}
		out = t.appendEntity(out, r, q.selected, nil)
	}
	out = append(out, ']')
	if more {
		out = append(out, `,"@odata.nextLink":`...)
		out = appendQuoted(out, c.nextLink(t, string(text), found[len(found)-1].serial))
	}
	return &reply{status: http.StatusOK, contentType: entityJSON + "; odata.streaming=true", body: append(out, '}'), applied: applied}
}

func (c *call) nextLink(t *table, text string, serial uint64) string {
	kept := []string{}
	for p := range strings.SplitSeq(text, "&") {
		if p != "" && !strings.HasPrefix(p, "$skiptoken=") && !strings.HasPrefix(p, "%24skiptoken=") {
			kept = append(kept, p)
		}
	}
	kept = append(kept, "$skiptoken="+strconv.FormatUint(serial, 10))
	return string(c.root) + t.Set + "?" + strings.Join(kept, "&")
}

// pageSize reads odata.maxpagesize.
func pageSize(prefer []byte) (size int, applied string) {
	for p := range strings.SplitSeq(string(prefer), ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(p), "odata.maxpagesize="); ok {
			if n, err := strconv.Atoi(v); err == nil && n > 0 && n <= maxPage {
				return n, "odata.maxpagesize=" + v
			}
		}
	}
	return maxPage, ""
}

// search returns the rows in view that the query finds beyond its $skiptoken, and how many there are in all. The caller holds t.mu. With $orderby the
// token is of no use, so all of them are on one page: the emulator pages in order of creation.
func (t *table) search(q query, view func(*row) *row) (found []*row, total int) {
	for _, r := range t.order {
		if r.dead {
			continue
		}
		if view != nil {
			if r = view(r); r == nil {
				continue
			}
		}
		if q.filter != nil && !q.filter(r) {
			continue
		}
		total++
		if r.serial > q.after && (q.counted || len(q.order) > 0 || len(found) <= maxPage) {
			found = append(found, r)
		}
		if !q.counted && len(q.order) == 0 && len(found) > maxPage {
			break
		}
	}
	if len(q.order) > 0 {
		slices.SortStableFunc(found, func(a, b *row) int { return t.compareRows(q.order, a, b) })
	}
	return found, total
}

func (t *table) compareRows(order []ordering, a, b *row) int {
	for _, o := range order {
		n := compareValues(&t.columns[o.column], t.read(nil, a, o.column), t.read(nil, b, o.column))
		if o.descending {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return 0
}

// count is GET /set/$count.
func (c *call) count(t *table) *reply {
	if f := c.denied(t, t.privilege.read); f != nil {
		return failed(f)
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	return &reply{status: http.StatusOK, contentType: "text/plain", body: strconv.AppendInt(nil, int64(min(c.inView(t), maxPage)), 10)}
}

// entity renders one row with its context.
func (c *call) entity(t *table, r *row, selected []int) []byte {
	context := `"@odata.context":"` + string(c.root) + "$metadata#" + t.Set + `/$entity",`
	return t.appendEntity(nil, r, selected, []byte(context))
}

// appendEntity appends a row as JSON; the primary key is always there.
func (t *table) appendEntity(dst []byte, r *row, selected []int, context []byte) []byte {
	dst = append(append(dst, '{'), context...)
	dst = append(dst, `"@odata.etag":"W/\"`...)
	dst = append(strconv.AppendUint(dst, r.version, 10), `\""`...)
	member := func(column int) {
		dst = append(append(append(dst, `,"`...), readName(&t.columns[column])...), `":`...)
		before := len(dst)
		if dst = t.read(dst, r, column); len(dst) == before {
			dst = append(dst, "null"...)
		}
	}
	if selected == nil {
		for column := range t.columns {
			member(column)
		}
		return append(dst, '}')
	}
	if !slices.Contains(selected, t.primary) {
		member(t.primary)
	}
	for _, column := range selected {
		member(column)
	}
	return append(dst, '}')
}

// read appends a column's JSON value, nothing for null. Some columns are kept outside the cells or are composed of others.
func (t *table) read(dst []byte, r *row, column int) []byte {
	c := &t.columns[column]
	switch {
	case column == t.primary:
		return append(appendGUID(append(dst, '"'), r.id), '"')
	case len(c.Joined) > 0:
		var parts []string
		for _, name := range c.Joined {
			if s := jsonobject.Text(value(r.cells, t.byName[name])); s != "" {
				parts = append(parts, s)
			}
		}
		if len(parts) == 0 {
			return dst
		}
		return appendQuoted(dst, strings.Join(parts, " "))
	case c.ReadOnly && c.Name == "createdon":
		return appendTime(dst, r.created)
	case c.ReadOnly && c.Name == "modifiedon":
		return appendTime(dst, r.modified)
	case c.ReadOnly && c.Name == "versionnumber":
		return strconv.AppendUint(dst, r.version, 10)
	}
	v := value(r.cells, column)
	if c.IsLookup() && v != nil {
		v = v[1:]
	}
	return append(dst, v...)
}

func appendTime(dst []byte, unix int64) []byte {
	return time.Unix(unix, 0).UTC().AppendFormat(dst, `"2006-01-02T15:04:05Z"`)
}

// A Row is a record as JSON, by the names that a GET answers with: lookups as _parentcustomerid_value. Nulls are left out.
type Row map[string]json.RawMessage

func (t *table) export(r *row) Row {
	out := Row{}
	for i := range t.columns {
		if v := t.read(nil, r, i); len(v) > 0 {
			out[readName(&t.columns[i])] = v
		}
	}
	return out
}

// Text returns a text, date or GUID without its quotes, a number or boolean as it is, and null as the empty string.
func (r Row) Text(name string) string {
	v := r[name]
	if len(v) > 0 && v[0] == '"' {
		return jsonobject.Text(v)
	}
	return string(v)
}

// compareValues orders two JSON values of a column: null first, text without case.
func compareValues(c *schema.Column, a, b []byte) int {
	switch {
	case len(a) == 0 || len(b) == 0:
		return min(len(a), 1) - min(len(b), 1)
	case a[0] == '"' && b[0] == '"':
		return strings.Compare(string(appendFolded(nil, a)), string(appendFolded(nil, b)))
	case c.Type == schema.Boolean:
		return strings.Compare(string(a), string(b))
	}
	x, _ := strconv.ParseFloat(string(a), 64) // cells hold valid numbers
	y, _ := strconv.ParseFloat(string(b), 64)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}
