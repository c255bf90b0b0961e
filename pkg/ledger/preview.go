package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Why says for what reason a changed row is to be sent.
type Why string

// The reasons.
const (
	New       Why = "new"       // the ledger does not know its key
	Back      Why = "back"      // it had left the model, and its record was removed
	Refused   Why = "refused"   // it was sent and refused, and may be tried again: something changed since, or it was a passing fault
	Unsettled Why = "unsettled" // it was sent, and no answer is known
	Values    Why = "values"    // it changed since Dataverse accepted it
	Mapping   Why = "mapping"   // its values are what Dataverse accepted; the mapping is another, or a full run was asked for
)

// The keys of [Preview.Keys] beside the reasons of changed rows.
const (
	KindWaiting     = "waiting"
	KindDuplicate   = "duplicate"
	KindLeft        = "left"
	KindLeftWaiting = "left_waiting"
)

// A Preview is what a diff would find, without anything being written.
type Preview struct {
	Found
	Changes map[Why]uint64      // changed rows by reason; their sum is Found.Changed
	Keys    map[string][]string // the first keys, by reason or kind, in the order in which a run sends them
}

// Preview compares a model with the ledger as [Ledger.Diff] does, by the same SQL, and tells of it in place of keeping it: the
// first keys of each kind, at most so many. id is the query id.
func (l *Ledger) Preview(ctx context.Context, organization string, sync penstock.SyncID, m Model, keys int, id string) (Preview, error) {
	p := Preview{Changes: map[Why]uint64{}, Keys: map[string][]string{}}
	q := clickhouse.Query{
		ID: id, Comment: "penstock " + sync.String() + " plan: diff", Settings: m.settings(),
		SQL: fmt.Sprintf(`
SELECT toString(kind) AS kind, toString(why) AS why, sum(greatest(n, 1)), groupArraySorted(%d)(k)
FROM (%s)
GROUP BY kind, why`, max(keys, 1), l.comparison(organization, sync, m)),
	}
	type group struct {
		kind, why string
		n         uint64
		keys      []string
	}
	groups, err := all(ctx, l.conn, q, "compare the model of "+sync.String()+" with what Dataverse has", func(rows *clickhouse.Rows) (g group, err error) {
		err = rows.Scan(&g.kind, &g.why, &g.n, &g.keys)
		return g, err
	})
	if err != nil {
		return p, err
	}
	for _, g := range groups {
		p.add(g.kind, g.n)
		name := g.kind
		switch name {
		case "changed":
			p.Changes[Why(g.why)] = g.n
			name = g.why
		case "dropped":
			name = KindLeft // where nothing is done about leaving rows, it is all the same
		}
		p.Keys[name] = append(p.Keys[name], g.keys...)
		slices.Sort(p.Keys[name])
	}
	return p, nil
}

// A Reason is why a key is to be sent.
type Reason struct {
	Key      string
	Why      Why
	Inactive bool // its record was deactivated when the row left, and is to be active again: the row is back
}

// Reasons lists the changed keys in the order in which a run sends them, at most limit.
func (l *Ledger) Reasons(ctx context.Context, organization string, sync penstock.SyncID, m Model, limit uint64, id string) ([]Reason, error) {
	q := clickhouse.Query{
		ID: id, Comment: "penstock " + sync.String() + " plan: keys", Settings: m.settings(),
		SQL: fmt.Sprintf("SELECT k, toString(why), toUInt8(inactive) FROM (%s) WHERE kind = 'changed' ORDER BY k LIMIT %d", l.comparison(organization, sync, m), limit),
	}
	return all(ctx, l.conn, q, "list the changed rows of "+sync.String(), func(rows *clickhouse.Rows) (r Reason, err error) {
		var inactive uint8
		err = rows.Scan(&r.Key, (*string)(&r.Why), &inactive)
		r.Inactive = inactive == 1
		return r, err
	})
}

// Read streams the rows that [Ledger.Reasons] lists with the same limit, in no order, as [Ledger.Changed] does after a diff.
func (l *Ledger) Read(ctx context.Context, organization string, sync penstock.SyncID, m Model, columns []string, limit uint64, id string) (*clickhouse.Rows, error) {
	rows, err := l.conn.Query(ctx, clickhouse.Query{
		ID: id, Comment: "penstock " + sync.String() + " plan: read", Settings: m.settings(),
		SQL: fmt.Sprintf("SELECT %s FROM (\n%s\n) WHERE %s IN (SELECT k FROM (%s) WHERE kind = 'changed' ORDER BY k LIMIT %d) LIMIT 1 BY %s",
			strings.Join(columns, ", "), m.SQL, m.Key, l.comparison(organization, sync, m), limit, m.Key),
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: read the changed rows of %s: %w", sync, err)
	}
	return rows, nil
}
