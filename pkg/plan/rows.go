package plan

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// rows are the changed rows of the model as the mapping renders them.
type rows struct {
	keys    map[ledger.Why][]string // those that can be sent, in the order in which a run sends them
	unfit   map[ledger.Why]uint64   // how many could not be rendered
	refused []refusal               // of these, by cause
	kept    map[string]kept         // some that can be sent, by key
	drawn   map[string]bool         // of those that the ledger does not know, some by lot: of these Dataverse is asked
}

// A refusal is the rows that cannot be rendered for one cause.
type refusal struct {
	cause string
	rows  uint64
	keys  []string
}

// A kept row is one that may be compared with Dataverse.
type kept struct {
	address string
	body    []byte
}

// render renders the changed rows, up to a bound.
func (p *planning) render(ctx context.Context) error {
	p.rows = rows{keys: map[ledger.Why][]string{}, unfit: map[ledger.Why]uint64{}, kept: map[string]kept{}}
	if p.preview.Changed == 0 {
		return nil
	}
	limit := uint64(rendered)
	if p.RunRows > 0 {
		limit = min(limit, p.RunRows)
	}
	p.Tell(fmt.Sprintf("rendering %d changed rows", min(p.preview.Changed, limit)))
	reasons, err := p.Ledger.Reasons(ctx, p.Organization, p.Sync.ID(), p.model, limit, p.Query+"-keys")
	if err != nil {
		return err
	}
	why := make(map[string]ledger.Reason, len(reasons))
	for _, r := range reasons {
		why[r.Key] = r
	}
	wanted := p.wanted(reasons)
	unfit := map[string]bool{}
	stream, err := p.Ledger.Read(ctx, p.Organization, p.Sync.ID(), p.model, p.Mapping.Exprs(), limit, p.Query+"-read")
	if err != nil {
		return err
	}
	defer func() { _ = stream.Close() }() // its error is that of the loop
	row := p.Mapping.NewRow()
	dest := row.Dest()
	var body, address []byte
	for stream.Next() {
		if err := stream.Scan(dest...); err != nil {
			return err
		}
		var cause *penstock.Cause
		body, address, cause = p.Mapping.Append(body[:0], address[:0], row)
		reason, known := why[row.Key]
		if reason.Inactive && cause == nil {
			body, _ = p.Mapping.Restore(body)
		}
		if cause == nil && len(body) > penstock.MaxChangeBytes {
			cause = &penstock.Cause{Class: penstock.Oversize, Code: "change_too_large", Message: "the row renders to more bytes than fit into a message"}
		}
		w := reason.Why
		switch {
		case !known: // the model changed between two queries
		case cause != nil:
			p.rows.unfit[w]++
			unfit[row.Key] = true
			p.refuse(row.Key, cause)
		case wanted[row.Key]:
			p.rows.kept[row.Key] = kept{address: string(address), body: slices.Clone(body)}
		}
	}
	if err := stream.Err(); err != nil {
		return fmt.Errorf("plan: read the changed rows of %s: %w", p.Sync, err)
	}
	for _, r := range reasons {
		if !unfit[r.Key] {
			p.rows.keys[r.Why] = append(p.rows.keys[r.Why], r.Key)
		}
	}
	slices.SortFunc(p.rows.refused, func(a, b refusal) int { return strings.Compare(a.cause, b.cause) })
	if p.preview.Changed > limit {
		p.note(fmt.Sprintf("the first %d changed rows were rendered; of the other %d some may be refused, which is not foreseen", limit, p.preview.Changed-limit))
	}
	return nil
}

func (p *planning) refuse(key string, c *penstock.Cause) {
	cause := c.Code + ": " + c.Message
	if c.Column != "" {
		cause = c.Code + " (" + c.Column + "): " + c.Message
	}
	i := slices.IndexFunc(p.rows.refused, func(r refusal) bool { return r.cause == cause })
	if i < 0 {
		i = len(p.rows.refused)
		p.rows.refused = append(p.rows.refused, refusal{cause: cause})
	}
	r := &p.rows.refused[i]
	r.rows++
	// The first of them in the order of keys, though rows come in no order.
	at, _ := slices.BinarySearch(r.keys, key)
	if at <= p.Samples { // one more than is named tells that there are more
		r.keys = slices.Insert(r.keys, at, key)
		r.keys = r.keys[:min(len(r.keys), p.Samples+1)]
	}
}

// wanted chooses which rows are kept: the first of each reason, twice as many as are shown since some may be refused, and
// of those that the ledger does not know some by lot.
func (p *planning) wanted(reasons []ledger.Reason) map[string]bool {
	chosen := map[string]bool{}
	by := map[ledger.Why][]string{}
	for _, r := range reasons {
		by[r.Why] = append(by[r.Why], r.Key)
		if len(by[r.Why]) <= 2*min(p.Samples, compared) {
			chosen[r.Key] = true
		}
	}
	p.rows.drawn = draw(slices.Concat(by[ledger.New], by[ledger.Back]), max(asked, p.Samples))
	for key := range p.rows.drawn {
		chosen[key] = true
	}
	return chosen
}

// draw draws n of the keys, the same ones each time, and by no rule that keys could follow too: those whose hashes are least.
func draw(keys []string, n int) map[string]bool {
	hashes := make([]uint64, len(keys))
	for i, key := range keys {
		h := fnv.New64a()
		_, _ = h.Write([]byte(key)) // a hash takes everything
		hashes[i] = h.Sum64()
	}
	bound := uint64(math.MaxUint64)
	if len(keys) > n {
		sorted := slices.Sorted(slices.Values(hashes))
		bound = sorted[n-1]
	}
	drawn := map[string]bool{}
	for i, key := range keys {
		if hashes[i] <= bound {
			drawn[key] = true
		}
	}
	return drawn
}
