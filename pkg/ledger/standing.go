package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// The kinds of [Standing] beside those that [Preview.Keys] names.
const (
	KindUnchanged = "unchanged"
	KindChanged   = "changed"
	KindRemoved   = "removed" // the row left, and its record was dealt with
	KindGone      = "gone"    // the row left before Dataverse accepted it
	KindUnknown   = "unknown" // neither model, ledger nor letters have the key
)

// A Standing is what the next run's diff would make of one key.
type Standing struct {
	Kind string // unchanged, waiting, changed, duplicate, left, left_waiting, removed, gone or unknown
	Why  Why    // of changed
	Rows uint64 // of the model that have the key

	Known bool // the ledger has an entry
	Entry Entry
}

// An Entry is the ledger's newest about a key.
type Entry struct {
	Hash        penstock.Hash // of the row that was sent
	Fingerprint uint64        // of the mapping that rendered it
	Run         uint64
	Accepted    bool   // by Dataverse; else it was sent, and its answer is not known or was no
	Left        string // deleted, deactivated or cleared, of a row that left; back, of one that is back since; empty of others
	Address     string // of the record; empty where none was ever accepted
	At          time.Time
}

// Standing compares one key with the ledger by the SQL of [Ledger.Diff]. Nothing is written. id is the query id.
func (l *Ledger) Standing(ctx context.Context, organization string, sync penstock.SyncID, m Model, key, id string) (Standing, error) {
	s := Standing{Kind: KindUnknown}
	what := fmt.Sprintf("ledger: compare a row of %s with what Dataverse has", sync)
	err := l.conn.Row(ctx, clickhouse.Query{
		ID: id, Comment: "penstock " + sync.String() + " row: diff", Settings: m.settings(),
		SQL: fmt.Sprintf("SELECT toString(kind), toString(why), n FROM (%s) WHERE k = %s", l.comparison(organization, sync, m), text(key)),
	}, &s.Kind, (*string)(&s.Why), &s.Rows)
	if err != nil && !errors.Is(err, clickhouse.ErrNoRows) {
		return s, fmt.Errorf("%s: %w", what, err)
	}
	var xxh3, city uint64
	var state string
	var left uint8
	err = l.conn.Row(ctx, clickhouse.Query{SQL: fmt.Sprintf(
		"SELECT xxh3, city, fingerprint, run, toString(state), left, address, at FROM %s FINAL WHERE organization = %s AND sync = %s AND key = %s",
		l.table("ledger"), text(organization), text(sync.Name), text(key))},
		&xxh3, &city, &s.Entry.Fingerprint, &s.Entry.Run, &state, &left, &s.Entry.Address, &s.Entry.At)
	switch {
	case errors.Is(err, clickhouse.ErrNoRows):
	case err != nil:
		return s, fmt.Errorf("%s: %w", what, err)
	default:
		s.Known, s.Entry.Accepted = true, state == "accepted"
		s.Entry.Hash = whole(xxh3, city)
		s.Entry.Left = map[uint8]string{leftDeleted: "deleted", leftDeactivated: "deactivated", leftCleared: "cleared", leftBack: "back"}[left]
	}
	switch s.Kind {
	case "settled":
		s.Kind = KindUnchanged
	case "dropped":
		s.Kind = KindLeft
	case "dismissed":
		s.Kind = KindRemoved
	case KindUnknown:
		if s.Known { // a diff says nothing of what is done with
			s.Kind = KindRemoved
		}
	}
	return s, nil
}

// Normalise gives a match key, whose parts are text, as [Model.Key] has it for a row with these values in the columns of the
// key. It fails where a part is no value of its column's type.
func (l *Ledger) Normalise(ctx context.Context, m Model, columns []clickhouse.Column, parts []string) (key string, err error) {
	values := make([]string, len(columns))
	for i, c := range columns {
		values[i] = "CAST(" + text(parts[i]) + " AS " + c.Type + ") AS " + clickhouse.Identifier(c.Name)
	}
	err = l.conn.Row(ctx, clickhouse.Query{SQL: "SELECT " + m.Key + " FROM (SELECT " + strings.Join(values, ", ") + ")"}, &key)
	return key, err
}

// Rows streams the rows of a model that have a key, at most limit. columns are the expressions to select.
func (l *Ledger) Rows(ctx context.Context, sync penstock.SyncID, m Model, key string, columns []string, limit int, id string) (*clickhouse.Rows, error) {
	rows, err := l.conn.Query(ctx, clickhouse.Query{
		ID: id, Comment: "penstock " + sync.String() + " row: read",
		SQL: fmt.Sprintf("SELECT %s FROM (\n%s\n) WHERE %s = %s LIMIT %d", strings.Join(columns, ", "), m.SQL, m.Key, text(key), limit),
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: read a row of %s: %w", sync, err)
	}
	return rows, nil
}
