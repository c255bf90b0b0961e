package query

import (
	"bytes"
	"encoding/hex"
	"net/url"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// maxPage is the default and greatest page size, and where $count ends.
const maxPage = 5000

// A page is what a query found beyond a position.
type page struct {
	rows  []*store.Row
	more  bool
	last  []byte // the place of the last row
	total int    // of the rows that match, on this page or another; counted to maxPage+1 at most
}

// A found is a row with its place in the order.
type found struct {
	key []byte
	row *store.Row
}

// search finds up to size rows beyond the position. within restricts the query to some rows of the table; it may be nil. The tables are locked.
func (d *Reader) search(q *Query, within predicate, size int, after []byte) page {
	if size == 0 {
		return page{total: d.matching(q, within)}
	}
	s := choice{query: q, size: size + 1}
	p := page{}
	for r := range d.candidates(q, after) {
		if q.Count && p.total > maxPage && s.full() && len(q.order) == 0 {
			break
		}
		if !q.matches(r, within) {
			continue
		}
		p.total++
		s.offer(r, after)
		if !q.Count && len(q.order) == 0 && s.full() {
			break // found in order: nothing better follows
		}
	}
	p.rows, p.last, p.more = s.settled(size)
	return p
}

// matching counts the rows that match, to maxPage+1 at most.
func (d *Reader) matching(q *Query, within predicate) (n int) {
	for r := range d.candidates(q, nil) {
		if q.matches(r, within) {
			if n++; n > maxPage {
				break
			}
		}
	}
	return n
}

func (q *Query) matches(r *store.Row, within predicate) bool {
	return (within == nil || within(r)) && (q.filter == nil || q.filter(r))
}

// candidates yields the visible rows that may match: the one that a key's index finds, or all of the table in order of creation.
func (d *Reader) candidates(q *Query, after []byte) func(yield func(*store.Row) bool) {
	t := q.table
	return func(yield func(*store.Row) bool) {
		if r, known := q.byIndex(); known {
			if r = d.visible(t, r); r != nil {
				yield(r)
			}
			return
		}
		rows := t.Rows()
		if len(after) == 8 && len(q.order) == 0 && !q.Count { // the position is a serial
			from := sort.Search(len(rows), func(i int) bool { return bytes.Compare(q.sortKey(nil, rows[i]), after) > 0 })
			rows = rows[from:]
		}
		for _, r := range rows {
			if r = d.visible(t, r); r != nil && !yield(r) {
				return
			}
		}
	}
}

// byIndex returns the only row that can match when the filter wants the columns of a key equal to literals.
func (q *Query) byIndex() (r *store.Row, known bool) {
	t := q.table
	if v, ok := q.equal[t.PrimaryColumn]; ok {
		id, err := uuid.ParseBytes(v[1 : len(v)-1])
		return t.Row(id), err == nil
	}
keys:
	for _, k := range t.AlternateKeys {
		if !k.Active() {
			continue
		}
		var norm []byte
		for i, column := range k.Columns {
			v, ok := q.equal[column]
			if !ok {
				continue keys
			}
			if i > 0 {
				norm = append(norm, 0)
			}
			if t.Columns[column].IsLookup() {
				norm = append(norm, v[1:37]...)
			} else {
				norm = store.AppendNormal(norm, &t.Columns[column], v)
			}
		}
		return k.Row(norm), true
	}
	return nil, false
}

// A choice keeps the first rows in the order of the query, without keeping them all: twice as many as wanted at most.
type choice struct {
	query   *Query
	size    int
	best    []found
	scratch []byte
	limit   []byte // nothing at or beyond this is among the first any more
}

func (s *choice) full() bool { return len(s.best) >= s.size }

func (s *choice) offer(r *store.Row, after []byte) {
	s.scratch = s.query.sortKey(s.scratch[:0], r)
	if after != nil && bytes.Compare(s.scratch, after) <= 0 || s.limit != nil && bytes.Compare(s.scratch, s.limit) >= 0 {
		return
	}
	if len(s.query.order) == 0 && s.full() {
		return
	}
	s.best = append(s.best, found{bytes.Clone(s.scratch), r})
	if len(s.best) >= 2*s.size+64 {
		s.settle()
		s.limit = s.best[len(s.best)-1].key
	}
}

func (s *choice) settle() {
	slices.SortFunc(s.best, func(a, b found) int { return bytes.Compare(a.key, b.key) })
	s.best = s.best[:min(s.size, len(s.best))]
}

// settled returns the first rows, the place of the last of them, and whether there are more.
func (s *choice) settled(size int) (rows []*store.Row, last []byte, more bool) {
	s.settle()
	for _, f := range s.best[:min(size, len(s.best))] {
		rows, last = append(rows, f.row), f.key
	}
	return rows, last, len(s.best) > size
}

// A cookie is where the next page begins. On the wire it is an XML element with another one inside, as Dataverse makes them.
type cookie struct {
	number   int    // of the page that it asks for
	position []byte // place of the last row of the page before
	tracking uint64 // version at which a read with change tracking began; 0 without
}

var (
	cookieForm   = regexp.MustCompile(`^<cookie pagenumber="([0-9]{1,9})" pagingcookie="([^"]*)" istracking="(?:True|False)" />$`)
	positionForm = regexp.MustCompile(`^<cookie page="[0-9]+" position="([0-9a-f]+)" version="([0-9]+)">`)
)

// token returns the $skiptoken, percent-encoded.
func (k cookie) token(t *store.Table, rows []*store.Row) string { return percent(k.element(t, rows)) }

// element returns the cookie as XML.
func (k cookie) element(t *store.Table, rows []*store.Row) string {
	first, last := rows[0].ID.String(), rows[len(rows)-1].ID.String()
	inner := `<cookie page="` + strconv.Itoa(k.number-1) + `" position="` + hex.EncodeToString(k.position) + `" version="` + strconv.FormatUint(k.tracking, 10) + `"><` +
		t.PrimaryID + ` last="{` + strings.ToUpper(last) + `}" first="{` + strings.ToUpper(first) + `}" /></cookie>`
	tracking := "False"
	if k.tracking > 0 {
		tracking = "True"
	}
	return `<cookie pagenumber="` + strconv.Itoa(k.number) + `" pagingcookie="` + percent(percent(inner)) + `" istracking="` + tracking + `" />`
}

func percent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// readCookie reads a $skiptoken, after percent-decoding; none is the first page.
func readCookie(text string) (cookie, *refusal.Error) {
	if text == "" {
		return cookie{number: 1}, nil
	}
	outer := cookieForm.FindStringSubmatch(strings.TrimSuffix(text, "/")) // which a client in use appends to every nextLink
	if outer == nil {
		return cookie{}, malformedCookie()
	}
	inner, err := url.QueryUnescape(outer[2])
	if err == nil {
		inner, err = url.QueryUnescape(inner)
	}
	if err != nil {
		return cookie{}, malformedCookie()
	}
	k, f := readPosition(inner)
	k.number, err = strconv.Atoi(outer[1])
	if f == nil && (err != nil || k.number < 1 || k.position == nil) {
		f = malformedCookie()
	}
	return k, f
}

// readPosition reads the inner element, which is also the paging-cookie of FetchXML; none is the beginning.
func readPosition(text string) (k cookie, f *refusal.Error) {
	if text == "" {
		return k, nil
	}
	place := positionForm.FindStringSubmatch(text)
	if place == nil {
		return k, malformedCookie()
	}
	var err1, err2 error
	k.position, err1 = hex.DecodeString(place[1])
	k.tracking, err2 = strconv.ParseUint(place[2], 10, 64)
	if err1 != nil || err2 != nil {
		return k, malformedCookie()
	}
	return k, nil
}

func malformedCookie() *refusal.Error {
	return refusal.BadURI.Says("Malformed XML in the Paging Cookie")
}

// link is the URL of the next page, or of the changes since: the same query with another token.
func (d *Reader) link(path, text, name, token string) string {
	kept := []string{}
	for p := range strings.SplitSeq(text, "&") {
		option, _, _ := strings.Cut(strings.Replace(p, "%24", "$", 1), "=")
		if p != "" && option != "$skiptoken" && option != "$deltatoken" {
			kept = append(kept, p)
		}
	}
	return d.Root + path + "?" + strings.Join(append(kept, name+"="+token), "&")
}
