package extractor

import (
	"context"
	"fmt"

	"github.com/penstock-sync/penstock/pkg/mapping"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// sources asks the warehouse for the columns of a sync's model.
func (x *extractor) sources(ctx context.Context, s spec.Sync) ([]mapping.SourceColumn, error) {
	columns, err := x.conn.Columns(ctx, s.From.Query)
	if err != nil {
		return nil, fmt.Errorf("the model of %s (%s): %w", s, s.From.File, err)
	}
	sources := make([]mapping.SourceColumn, len(columns))
	for i, c := range columns {
		sources[i] = mapping.SourceColumn{Name: c.Name, Type: c.Type}
	}
	return sources, nil
}
