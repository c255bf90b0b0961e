package query

import (
	"strconv"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
)

// This file is change tracking (section 7): a read with Prefer: odata.track-changes ends in a deltaLink, and that answers with what changed since.

// trackable reports why changes of the query cannot be tracked.
func trackable(q *Query, l Collection) *refusal.Error {
	t := l.Table
	switch {
	case t.TrackingOff:
		return refusal.TrackingOff.Says("Change tracking is not enabled for entity '%s'.", t.Name)
	case q.Filter != nil || q.Order != nil || q.Expand != nil || q.Top >= 0 || l.Within != nil || l.References:
		return refusal.BadURI.Says("The query options $filter, $orderby, $expand and $top are not supported with change tracking.")
	}
	return nil
}

// deltaToken is the $deltatoken, percent-encoded: 919042!08/22/2017 08:10:44.
func deltaToken(version uint64, now time.Time) string {
	return percent(strconv.FormatUint(version, 10) + "!" + now.Format("01/02/2006 15:04:05"))
}

// changes answers a deltaLink with what changed since its version, in the order of the changes. What does not fit on the page comes with a nextLink,
// which is the deltaLink of the last change that did. The table is locked.
func (d *Reader) changes(q *Query, l Collection, text string) ([]byte, *refusal.Error) {
	t := q.table
	number, _, _ := strings.Cut(q.DeltaToken, "!")
	since, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return nil, refusal.BadURI.Says("The $deltatoken '%.50s' is not one that was issued here.", q.DeltaToken)
	}
	if !t.Remembers(since) {
		return nil, refusal.ExpiredVersion.Says("Version stamp associated with the client has expired. Please perform a full sync.")
	}
	all := d.seenSince(t, since)
	size, reached, link := d.pageSize(q), d.Version(), "@odata.deltaLink"
	if len(all) > size {
		all = all[:size]
		reached, link = all[size-1].Version, "@odata.nextLink"
	}
	out := []byte{'{'}
	if d.level != none {
		out = jsonobject.AppendQuoted(appendMember(out, "", "@odata.context"), d.Root+"$metadata#"+q.context()+"/$delta")
	}
	out = append(appendMember(out, "value", ""), '[')
	for i, ch := range all {
		if i > 0 {
			out = append(out, ',')
		}
		if ch.Row != nil {
			out = d.appendRow(out, q, ch.Row, "")
			continue
		}
		out = jsonobject.AppendQuoted(append(out, `{"@odata.context":`...), d.Root+"$metadata#"+t.Set+"/$deletedEntity")
		out = append(append(append(out, `,"id":"`...), ch.ID.String()...), `","reason":"deleted"}`...)
	}
	out = jsonobject.AppendQuoted(appendMember(append(out, ']'), "", link), d.link(l.Path, text, "$deltatoken", deltaToken(reached, d.now)))
	return append(out, '}'), nil
}

// seenSince returns the changes after the version, as the caller sees them.
func (d *Reader) seenSince(t *store.Table, version uint64) []store.Change {
	var seen []store.Change
	for _, c := range t.Since(version) {
		if c.Row != nil {
			if c.Row = d.visible(t, c.Row); c.Row == nil {
				continue
			}
		}
		seen = append(seen, c)
	}
	return seen
}
