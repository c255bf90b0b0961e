package extractor

import (
	"fmt"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// How it stands with a row, as [penstockv1.RowResponse] has it.
const (
	standingSame      = "same"      // Dataverse has what the warehouse has
	standingDifferent = "different" // Dataverse accepted the row, and has other values by now
	standingAbsent    = "absent"    // Dataverse accepted the row, and has no record any more
	standingUnread    = "unread"    // Dataverse accepted the row; what it has could not be read
	standingPending   = "pending"   // the next run sends it
	standingWaits     = "waits"     // an open letter holds it
	standingRefused   = "refused"   // the mapping refuses it
	standingDuplicate = "duplicate" // several rows share the key
	standingKept      = "kept"      // not in the model; the record is left as it is
	standingLeaving   = "leaving"   // not in the model; the next run deals with the record
	standingRemoved   = "removed"   // not in the model; the record has been dealt with
	standingGone      = "gone"      // not in the model, and never accepted
	standingUnknown   = "unknown"   // nobody knows the key
)

// What [penstockv1.DataverseRecord] has for a state.
const (
	recordThere   = "there"
	recordAbsent  = "absent"
	recordUnread  = "unread"
	recordUnknown = "unknown"
)

// judge says in words how it stands with the row, and what the next run does about it.
func (q *inquiry) judge() {
	s := q.standing
	next := &penstockv1.NextRun{Kind: s.Kind, Why: string(s.Why)}
	q.out.Next = next
	if q.last.ID.Number > 0 && !q.last.Phase.Final() {
		next.UnderWay = q.last.ID.Number
	}
	standing, verdict := "", ""
	switch s.Kind {
	case ledger.KindDuplicate:
		standing, next.Because = standingDuplicate, "rows that share a key are not sent, for nobody knows which is right"
		verdict = fmt.Sprintf("%s rows share this key (Dataverse ignores case and trailing blanks), so none is sent; make it unique in the model", number(s.Rows))
	case ledger.KindWaiting:
		standing, verdict, next.Because = standingWaits, "waits: "+q.about(), "it waits until the row, the mapping or Dataverse's metadata changes"
		if s.Rows > 1 {
			standing = standingDuplicate
			verdict = fmt.Sprintf("%s rows share this key (Dataverse ignores case and trailing blanks), so none is sent; make it unique in the model", number(s.Rows))
		}
	case ledger.KindUnchanged:
		standing, verdict = q.unchanged()
		next.Because = "row and mapping are what Dataverse accepted in run " + fmt.Sprint(s.Entry.Run)
	case ledger.KindChanged:
		standing, verdict = q.changed(next)
	default:
		standing, verdict = q.left(next)
	}
	if next.GetUnderWay() > 0 {
		verdict += fmt.Sprintf(" (run %d is under way)", next.GetUnderWay())
	}
	q.out.Standing, q.out.Verdict = standing, verdict
}

// unchanged tells of a row that Dataverse accepted as it is now.
func (q *inquiry) unchanged() (standing, verdict string) {
	d, e := q.out.GetDataverse(), q.standing.Entry
	accepted := fmt.Sprintf("accepted this row in run %d (%s)", e.Run, clock(e.At))
	switch d.GetState() {
	case recordAbsent:
		return standingAbsent, "Dataverse " + accepted + ", and has no such record now: it was deleted there, or cannot be seen. " +
			"Nothing is sent until the row changes, or a full run is asked for (penstock run " + q.sync.String() + " --full)"
	case recordUnread, recordUnknown:
		return standingUnread, "Dataverse " + accepted + "; what it has now could not be read: " + d.GetFault()
	}
	different := q.different()
	if len(different) == 0 {
		return standingSame, "Dataverse has what the warehouse has"
	}
	verdict = fmt.Sprintf("Dataverse has another %s: ", listed(different))
	if d.GetChangedSince() {
		verdict += fmt.Sprintf("the record was changed in Dynamics (%s) after Penstock wrote it (%s). ", clock(d.GetModified().AsTime()), clock(e.At))
	} else {
		verdict += "it " + accepted + ", and keeps something else: a plug-in or workflow there, perhaps, or another sync. "
	}
	return standingDifferent, verdict + "Nothing is sent until the row changes, or a full run is asked for (penstock run " + q.sync.String() + " --full)"
}

// changed tells of a row that the next run sends, or tries to.
func (q *inquiry) changed(next *penstockv1.NextRun) (standing, verdict string) {
	e, d := q.standing.Entry, q.out.GetDataverse()
	if rows := q.out.GetWarehouse(); len(rows) > 0 && rows[0].GetCause() != nil {
		next.Because = "the mapping refuses it; the next run makes it a dead letter"
		return standingRefused, "cannot be sent: " + rows[0].GetCause().GetMessage()
	}
	next.Sends = true
	switch q.standing.Why {
	case ledger.New:
		next.Because = "it is new: the ledger does not know it"
		if d.GetState() == recordThere {
			next.Because = "it is new to Penstock, and Dataverse has the record already"
		}
	case ledger.Back:
		next.Because = "it is back in the model: its record was " + e.Left
	case ledger.Refused:
		next.Because = "it was refused before (" + q.about() + "), and may be tried again"
	case ledger.Unsettled:
		next.Because = fmt.Sprintf("it was sent in run %d, and no answer is known", e.Run)
	case ledger.Values:
		next.Because = "it changed since run " + fmt.Sprint(e.Run)
		if different := q.different(); d.GetState() == recordThere && len(different) > 0 {
			next.Because = listed(different) + differs(different)
		}
	case ledger.Mapping:
		next.Because = fmt.Sprintf("the mapping, or what it rests on, is another than in run %d", e.Run)
		if q.model.Since > 0 {
			next.Because = "a full run was asked for"
		}
	}
	if d.GetState() == recordAbsent && q.plan.Operation() == penstock.Update {
		next.Because += "; Dataverse has no such record, and mode: update makes none, so it will be refused"
	}
	return standingPending, "will be sent by the next run: " + next.GetBecause()
}

// left tells of a key that the model does not have.
func (q *inquiry) left(next *penstockv1.NextRun) (standing, verdict string) {
	e, action := q.standing.Entry, q.sync.To.OnLeave.Action
	switch q.standing.Kind {
	case ledger.KindLeft:
		if action == spec.Nothing {
			next.Because = "on_leave: nothing"
			return standingKept, "not in the model; the record is kept because on_leave: nothing"
		}
		next.Sends, next.Because = true, fmt.Sprintf("it left the model: on_leave: %s, unless a guard holds leaving rows back", action)
		return standingLeaving, fmt.Sprintf("not in the model; the next run will %s the record, unless a guard holds leaving rows back", action)
	case ledger.KindLeftWaiting:
		next.Because = "its removal was refused, and waits"
		return standingWaits, "not in the model; its removal waits: " + q.about()
	case ledger.KindRemoved:
		if e.Left == "" {
			return standingGone, "not in the model; there is nothing to send"
		}
		return standingRemoved, fmt.Sprintf("not in the model; its record was %s in run %d (%s)", e.Left, e.Run, clock(e.At))
	case ledger.KindGone:
		next.Because = "the next run closes its letter"
		return standingGone, "not in the model, and Dataverse never accepted it; the next run closes its letter: " + q.about()
	}
	if q.out.GetDataverse().GetState() == recordThere {
		return standingGone, "not in the model, and Penstock never sent it; Dataverse has a record with this key from elsewhere"
	}
	return standingUnknown, ""
}

// about is what the open letter says.
func (q *inquiry) about() string {
	if q.letter == nil {
		return "its letter is not stored yet"
	}
	c := q.letter.Cause
	if c.Column == "" || strings.Contains(c.Message, c.Column) {
		return text(c.Message)
	}
	return c.Column + ": " + text(c.Message)
}

// different lists the columns of which Dataverse has another value.
func (q *inquiry) different() (columns []string) {
	for _, v := range q.out.GetDataverse().GetValues() {
		if !v.GetSame() {
			columns = append(columns, v.GetColumn())
		}
	}
	return columns
}

// listed names some columns: a, b and c.
func listed(names []string) string {
	const most = 6
	if n := len(names) - most; n > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	if n := len(names) - 1; n > 0 {
		return strings.Join(names[:n], ", ") + " and " + names[n]
	}
	return names[0]
}

func differs(names []string) string {
	if len(names) == 1 {
		return " differs"
	}
	return " differ"
}

func number(n uint64) string {
	if words := [...]string{"no", "one", "two", "three", "four", "five"}; n < uint64(len(words)) {
		return words[n]
	}
	return fmt.Sprint(n)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
