package query

import (
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/sql"
)

// sql replaces a query by the one that its option sql spells. Pages go on by $skiptoken, as those of any other query.
func (d *Reader) sql(q *Query) (*Query, *refusal.Error) {
	t := q.table
	x, err := sql.Parse(q.SQL)
	switch {
	case err != nil:
		return nil, Unreadable(err)
	case x.Table != t.Name:
		return nil, refusal.BadURI.Says("The table '%s' of the SQL query is not that of the entity set '%s'.", x.Table, t.Set)
	case q.Select != nil || q.Filter != nil || q.Order != nil || q.Expand != nil || q.Apply != nil || q.Top >= 0 || q.Count:
		return nil, refusal.BadURI.Says("The query option sql cannot be used together with other query options.")
	}
	x.Options.SkipToken = q.SkipToken
	readNames(t, &x.Options)
	return d.bind(t, x.Options)
}
