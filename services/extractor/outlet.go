package extractor

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
)

// block is how many chunks are written ahead by one insert at most: ClickHouse wants large blocks.
const block = 64

// An outlet takes finished chunks to the writers: their keys into the ledger as sent, then themselves into the queue.
type outlet struct {
	x         *extractor
	chunks    chan *penstock.Chunk
	publisher *queue.Publisher
	published func(rows int) // told of each chunk on its way
	done      chan struct{}  // closed when all of it is stored, or given up
}

// drain runs until chunks is closed and everything in it is stored. Two blocks are under way at a time: while one
// is being published the next is written ahead.
func (o *outlet) drain(ctx context.Context) error {
	defer close(o.done)
	g, group := errgroup.WithContext(ctx)
	for range 2 {
		g.Go(func() error {
			for {
				chunks, ok, err := o.gather(group)
				if err != nil || !ok {
					return err
				}
				if err := o.makeRoom(group, chunks[0].Run.Sync.Environment); err != nil {
					return err
				}
				if err := o.x.ledger.Sent(group, chunks); err != nil {
					return err
				}
				for _, c := range chunks {
					// with the outer context: group ends when the last chunk is handed over, not when it is stored
					if err := o.publisher.Publish(ctx, c); err != nil {
						return err
					}
					o.published(len(c.Changes))
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return o.publisher.Flush(ctx)
}

// makeRoom waits while an environment has as many chunks outstanding as it may: one whose writers are slow, or stand
// still, must not fill the stream of all.
func (o *outlet) makeRoom(ctx context.Context, environment string) error {
	for {
		n, err := o.x.queue.Outstanding(ctx, environment)
		if err != nil || n < o.x.cfg.Outstanding {
			return err
		}
		if err := daemon.Sleep(ctx, o.x.cfg.Timing.Flush/2); err != nil {
			return err
		}
	}
}

// gather waits for a chunk, and takes what else is there.
func (o *outlet) gather(ctx context.Context) (chunks []*penstock.Chunk, ok bool, err error) {
	select {
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	case c, open := <-o.chunks:
		if !open {
			return nil, false, nil
		}
		chunks = append(chunks, c)
	}
	for len(chunks) < block {
		select {
		case c, open := <-o.chunks:
			if !open {
				return chunks, true, nil
			}
			chunks = append(chunks, c)
		default:
			return chunks, true, nil
		}
	}
	return chunks, true, nil
}

// A cutter gathers changes into chunks: 1,000 of them, or 512 KiB, or what came within a moment.
type cutter struct {
	template penstock.Chunk // of every chunk but for ordinal, time and changes
	moment   time.Duration
	out      chan<- *penstock.Chunk

	chunk *penstock.Chunk
	bytes int
	began time.Time
}

// add takes one change, and passes a full chunk on.
func (c *cutter) add(ctx context.Context, ch penstock.Change) error {
	size := len(ch.Body) + len(ch.Address) + len(ch.Key) + len(ch.Hash)
	if c.chunk != nil && c.bytes+size > penstock.ChunkBytes {
		if err := c.cut(ctx); err != nil {
			return err
		}
	}
	if c.chunk == nil {
		chunk := c.template
		c.template.Ordinal++
		chunk.Ordinal = c.template.Ordinal
		chunk.Changes = make([]penstock.Change, 0, penstock.MaxChanges)
		c.chunk, c.bytes, c.began = &chunk, 0, time.Now()
		chunk.Created = c.began
	}
	c.chunk.Changes = append(c.chunk.Changes, ch)
	c.bytes += size
	full := len(c.chunk.Changes) == penstock.MaxChanges || c.bytes >= penstock.ChunkBytes
	if full || len(c.chunk.Changes)%64 == 0 && time.Since(c.began) >= c.moment {
		return c.cut(ctx)
	}
	return nil
}

// cut passes on what there is.
func (c *cutter) cut(ctx context.Context) error {
	if c.chunk == nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case c.out <- c.chunk:
		c.chunk = nil
		return nil
	}
}

// count is how many chunks there were.
func (c *cutter) count() uint32 { return c.template.Ordinal }
