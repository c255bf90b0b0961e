package emulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// This file is change tracking (section 7): a read with Prefer: odata.track-changes ends in a deltaLink, and that answers with what changed since.

// maxGraves is how many deletes a table remembers at least. A deltaLink from before the first of them has expired.
const maxGraves = 100_000

// Graves are the deletes of a table, oldest first.
type graves struct {
	deleted   []grave
	forgotten uint64 // version of the youngest delete that is not remembered any more
}

type grave struct {
	id      uuid.UUID
	version uint64
}

// dig remembers a delete.
func (g *graves) dig(id uuid.UUID, version uint64) {
	if len(g.deleted) == 2*maxGraves {
		g.forgotten = g.deleted[maxGraves-1].version
		g.deleted = append(g.deleted[:0], g.deleted[maxGraves:]...)
	}
	g.deleted = append(g.deleted, grave{id, version})
}

// undig forgets the delete of a row that was rolled back.
func (g *graves) undig(id uuid.UUID) {
	for i := len(g.deleted) - 1; i >= 0; i-- {
		if g.deleted[i].id == id {
			g.deleted = slices.Delete(g.deleted, i, i+1)
			return
		}
	}
}

// trackable reports why changes of the query cannot be tracked.
func trackable(q *query, l collection) *failure {
	t := l.table
	switch {
	case t.TrackingOff:
		return trackingOff.says("Change tracking is not enabled for entity '%s'.", t.Name)
	case q.Filter != nil || q.Order != nil || q.Expand != nil || q.Top >= 0 || l.within != nil || l.references:
		return badURI.says("The query options $filter, $orderby, $expand and $top are not supported with change tracking.")
	}
	return nil
}

// deltaToken is the $deltatoken, percent-encoded: 919042!08/22/2017 08:10:44.
func deltaToken(version uint64, now time.Time) string {
	return percent(strconv.FormatUint(version, 10) + "!" + now.Format("01/02/2006 15:04:05"))
}

// A change is a row that was written since, or the id of one that was deleted.
type change struct {
	version uint64
	row     *row
	id      uuid.UUID
}

// changes answers a deltaLink with what changed since its version, in the order of the changes. What does not fit on the page comes with a nextLink,
// which is the deltaLink of the last change that did. The table is locked.
func (d *reader) changes(q *query, l collection, text string) *reply {
	t := q.table
	number, _, _ := strings.Cut(q.DeltaToken, "!")
	since, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return failed(badURI.says("The $deltatoken '%.50s' is not one that was issued here.", q.DeltaToken))
	}
	if since < t.graves.forgotten {
		return failed(expiredVersion.says("Version stamp associated with the client has expired. Please perform a full sync."))
	}
	all := d.since(t, since)
	size, reached, link := d.pageSize(q), d.c.server.versions.Load(), "@odata.deltaLink"
	if len(all) > size {
		all = all[:size]
		reached, link = all[size-1].version, "@odata.nextLink"
	}
	out := []byte{'{'}
	if d.level != none {
		out = appendQuoted(appendMember(out, "", "@odata.context"), string(d.c.root)+"$metadata#"+q.context()+"/$delta")
	}
	out = append(appendMember(out, "value", ""), '[')
	for i, ch := range all {
		if i > 0 {
			out = append(out, ',')
		}
		if ch.row != nil {
			out = d.appendRow(out, q, ch.row, "")
			continue
		}
		out = appendQuoted(append(out, `{"@odata.context":`...), string(d.c.root)+"$metadata#"+t.Set+"/$deletedEntity")
		out = append(append(append(out, `,"id":"`...), ch.id.String()...), `","reason":"deleted"}`...)
	}
	out = appendQuoted(appendMember(append(out, ']'), "", link), d.link(l.path, text, "$deltatoken", deltaToken(reached, d.now)))
	return &reply{status: http.StatusOK, contentType: d.level.contentType(), body: append(out, '}'), applied: d.prefer.echo()}
}

// since returns the changes after the version.
func (d *reader) since(t *table, version uint64) []change {
	var all []change
	for _, r := range t.order {
		if r.dead || r.version <= version {
			continue
		}
		at := r.version
		if r = d.visible(t, r); r != nil {
			all = append(all, change{version: at, row: r})
		}
	}
	for _, g := range t.graves.deleted {
		if g.version > version && t.rows[g.id] == nil {
			all = append(all, change{version: g.version, id: g.id})
		}
	}
	slices.SortFunc(all, func(a, b change) int {
		if a.version < b.version {
			return -1
		}
		return 1
	})
	return all
}
