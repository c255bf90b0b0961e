package extractor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// refuseRepeats writes letters for the rows that share a key and for those without one: never a coin toss.
func (j *journey) refuseRepeats(ctx context.Context) error {
	var letters []penstock.Letter
	for r, err := range j.x.ledger.Repeats(ctx, j.run.ID) {
		if err != nil {
			return err
		}
		cause := penstock.Cause{
			Class: penstock.Conflict, Code: "duplicate_key",
			Message: fmt.Sprintf("%d rows of the model share this key (Dataverse ignores case and trailing blanks); make it unique", r.Rows),
		}
		if r.Key == "" {
			cause.Class, cause.Code = penstock.Mapping, "no_key"
			cause.Message = fmt.Sprintf("%d rows of the model have no key: a key column is NULL or empty", r.Rows)
		}
		cause.Column = j.target.sync.To.Match[0]
		letters = append(letters, j.letter(r.Key, r.Hash, r.Rows, cause))
		if len(letters) == penstock.MaxChanges {
			if err := j.x.queue.PublishLetters(ctx, letters); err != nil {
				return err
			}
			letters = letters[:0]
		}
	}
	return j.x.queue.PublishLetters(ctx, letters)
}

// letter is one of our own, for a row that was not sent.
func (j *journey) letter(key string, hash penstock.Hash, rows uint64, cause penstock.Cause) penstock.Letter {
	j.letters++
	return penstock.Letter{
		Run: j.run.ID, Ordinal: j.letters, Table: j.target.sync.To.Table, Operation: j.plan.Operation(), Key: key, Hash: hash,
		Fingerprint: j.model.Fingerprint, Rows: rows, Cause: cause, At: time.Now(),
	}
}

// publish reads the changed rows, renders them, and puts them into the queue.
func (j *journey) publish(ctx context.Context) error {
	if j.found.Changed == 0 {
		return nil
	}
	limit := j.x.cfg.RunRows
	j.more = j.found.Changed > limit
	rows, err := j.x.ledger.Changed(ctx, j.run.ID, j.model, j.plan.Exprs(), limit, j.queryID("read"))
	if err != nil {
		return err
	}
	j.run.Chunks, err = j.through(ctx, 0, j.model.Fingerprint, func(ctx context.Context, c *cutter) error { return j.render(ctx, rows, c) })
	for _, c := range j.cuts {
		j.run.Counts.Truncated += c.Values
	}
	return errors.Join(err, rows.Close())
}

// through runs fill with a cutter whose chunks go to the writers, and returns the ordinal of the last chunk once all are
// stored. Ordinals go on from after; fingerprint is that of all changes.
func (j *journey) through(ctx context.Context, after uint32, fingerprint uint64, fill func(context.Context, *cutter) error) (uint32, error) {
	out := &outlet{
		x: j.x, chunks: make(chan *penstock.Chunk, 2*block), done: make(chan struct{}), publisher: j.x.queue.Publisher(j.lease.Held),
		published: func(rows int) { j.published.Add(uint64(rows)) },
	}
	c := &cutter{
		template: penstock.Chunk{Run: j.run.ID, Ordinal: after, Table: j.target.sync.To.Table, Fingerprint: fingerprint, Execution: j.target.sync.To.Execution()},
		moment:   j.x.cfg.Timing.Flush, out: out.chunks,
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(out.chunks)
		if err := fill(ctx, c); err != nil {
			return err
		}
		return c.cut(ctx)
	})
	g.Go(func() error { return out.drain(ctx) })
	g.Go(func() error { return j.progress(ctx, out.done) })
	g.Go(func() error { return j.heed(ctx, after+1, out.done) })
	err := g.Wait()
	return c.count(), err
}

// render turns rows into changes. A row that cannot be rendered becomes a letter here and now.
func (j *journey) render(ctx context.Context, rows *clickhouse.Rows, c *cutter) error {
	row := j.plan.NewRow()
	defer func() { j.cuts = j.plan.Cuts(row) }()
	var inactive uint8
	dest := append(row.Dest(), &inactive)
	var arena []byte // bodies of many changes; one is never written to again
	var address []byte
	var letters []penstock.Letter
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		j.read++
		if cap(arena)-len(arena) < penstock.MaxChangeBytes/16 {
			arena = make([]byte, 0, penstock.ChunkBytes)
		}
		start := len(arena)
		var problem *penstock.Cause
		arena, address, problem = j.plan.Append(arena, address[:0], row)
		operation := j.plan.Operation()
		if inactive == 1 && problem == nil {
			arena, operation = j.plan.Restore(arena)
		}
		hash := row.Hash()
		body := arena[start:len(arena):len(arena)]
		if problem == nil && len(body) > penstock.MaxChangeBytes {
			problem = &penstock.Cause{
				Class: penstock.Oversize, Code: "change_too_large",
				Message: fmt.Sprintf("the row renders to %d bytes; at most %d fit into a message", len(body), penstock.MaxChangeBytes),
			}
		}
		if problem != nil {
			arena = arena[:start]
			j.unfit++
			letters = append(letters, j.letter(row.Key, hash, 1, *problem))
			if len(letters) == fewRefusals {
				if err := j.x.queue.PublishLetters(ctx, letters); err != nil {
					return err
				}
				letters = letters[:0]
				if err := j.unfitted(); err != nil {
					return err
				}
			}
			continue
		}
		change := penstock.Change{Operation: operation, Key: row.Key, Address: string(address), Body: body, Hash: hash}
		if err := c.add(ctx, change); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the changed rows of %s: %w", j.run.ID.Sync, err)
	}
	return j.x.queue.PublishLetters(ctx, letters)
}

// leave deals with keys that the model no longer has, once the results of the upserts are in.
func (j *journey) leave(ctx context.Context) error {
	c := &j.run.Counts
	c.Left, c.LeftWaiting = j.found.Left+j.found.LeftWaiting, j.found.LeftWaiting
	if j.target.sync.To.OnLeave.Action == spec.Nothing {
		c.Kept = j.found.Left
		return nil
	}
	guard := guardOf(j.target.sync)
	if reason := guard.check(j.found, j.past); reason != "" {
		c.Parked = j.found.Left
		j.run.Reason = fmt.Sprintf("%d leaving rows are parked: %s", j.found.Left, reason)
		return nil
	}
	if j.found.Left == 0 {
		return nil
	}
	if err := j.phase(ctx, penstock.Leaving); err != nil {
		return err
	}
	leaves, err := j.x.ledger.Leaves(ctx, j.run.ID, j.plan.Leave(), guard.MaxDeletes)
	if err != nil {
		return err
	}
	before, last := j.published.Load(), j.run.Chunks
	chunks, err := j.through(ctx, last, j.model.Removal, func(ctx context.Context, cut *cutter) error {
		for _, change := range leaves {
			if err := cut.add(ctx, change); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	o, err := j.drain(ctx, last+1, chunks)
	if err != nil {
		return err
	}
	c.Deleted, c.LeftRefused = o.Accepted, o.Refused
	c.LeftNotSent = (j.found.Left - uint64(len(leaves))) + (j.published.Load() - before - o.Rows) + o.NotSent
	if o.Rows != j.published.Load()-before {
		return errIncomplete
	}
	return nil
}
