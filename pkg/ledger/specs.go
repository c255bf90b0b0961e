package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
)

// A Spec is one version of an environment or a sync, as it was applied.
type Spec struct {
	Name      string // as the bucket of specifications has it
	Version   uint64 // from 1
	Document  string // JSON: what the bucket holds
	Author    string
	Reason    string
	Unchecked bool // stored although it would have been refused
	Removed   bool // the version that says that it is applied no longer
	At        time.Time
}

// SaveSpecs stores versions, all of them or none. A version may be stored twice. Where the answer was lost, the error says
// nothing of whether they are in.
func (l *Ledger) SaveSpecs(ctx context.Context, specs ...Spec) error {
	if len(specs) == 0 {
		return nil
	}
	var names, documents, authors, reasons []string
	var versions []uint64
	var unchecked, removed []uint8
	var at []time.Time
	for _, s := range specs {
		names, documents, authors, reasons = append(names, s.Name), append(documents, s.Document), append(authors, s.Author), append(reasons, s.Reason)
		versions, at = append(versions, s.Version), append(at, s.At)
		unchecked, removed = append(unchecked, flag(s.Unchecked)), append(removed, flag(s.Removed))
	}
	err := l.put(ctx, "specs",
		col("name", names),
		col("version", versions),
		col("document", documents),
		col("author", authors),
		col("at", at),
		col("reason", reasons),
		col("unchecked", unchecked),
		col("removed", removed),
	)
	if err != nil {
		return fmt.Errorf("ledger: store %d versions of what is applied: %w", len(specs), err)
	}
	return nil
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// NewestSpecs reads the newest version of everything that was ever applied, by name, what was removed included.
func (l *Ledger) NewestSpecs(ctx context.Context) ([]Spec, error) {
	versions, err := l.specs(ctx, "1", "ORDER BY name, version DESC LIMIT 1 BY name")
	newest := make([]Spec, len(versions))
	for i, v := range versions {
		newest[i] = v.Spec
	}
	return newest, err
}

// A SpecVersion is a version with the document of the one before it, "" of the first.
type SpecVersion struct {
	Spec
	Before string
}

// A SpecChoice chooses what is applied by name: Name itself, and what begins with Prefix; all where both are empty.
type SpecChoice struct{ Name, Prefix string }

// SpecVersions reads the newest versions of what is chosen, newest first; all of them where limit is 0.
func (l *Ledger) SpecVersions(ctx context.Context, of SpecChoice, limit int) ([]SpecVersion, error) {
	where := "1"
	if of != (SpecChoice{}) {
		where = "(name = " + text(of.Name) + " OR " + text(of.Prefix) + " != '' AND startsWith(name, " + text(of.Prefix) + "))"
	}
	rest := "ORDER BY at DESC, name, version DESC"
	if limit > 0 {
		rest += fmt.Sprintf(" LIMIT %d", limit)
	}
	return l.specs(ctx, where, rest)
}

func (l *Ledger) specs(ctx context.Context, where, rest string) ([]SpecVersion, error) {
	q := clickhouse.Query{SQL: fmt.Sprintf(`
SELECT name, version, document, author, reason, unchecked, removed, at, before FROM (
	SELECT *, any(document) OVER (PARTITION BY name ORDER BY version ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING) AS before FROM %s FINAL WHERE %s
) %s`, l.table("specs"), where, rest)}
	return all(ctx, l.conn, q, "read what is applied", func(rows *clickhouse.Rows) (s SpecVersion, err error) {
		var unchecked, removed uint8
		err = rows.Scan(&s.Name, &s.Version, &s.Document, &s.Author, &s.Reason, &unchecked, &removed, &s.At, &s.Before)
		s.Unchecked, s.Removed = unchecked > 0, removed > 0
		return s, err
	})
}
