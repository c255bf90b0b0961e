package journal

import (
	"iter"
	"sync"
)

// Block is how many entries are allocated at a time, so that growing copies nothing.
const Block = 4096

// A Journal is append-only, but for a bound beyond which the oldest blocks are dropped. Its zero value is empty and has no bound.
type Journal struct {
	Limit int // entries that are kept at least; all when 0

	mu     sync.Mutex
	blocks []*[Block]Entry
	first  uint64        // entries in blocks that were dropped
	count  uint64        // entries ever added
	news   chan struct{} // closed at the next entry; nil while nobody waits
}

// Add gives the entries their numbers. All of a change set go in together.
func (j *Journal) Add(entries ...Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range entries {
		at := j.count % Block
		if at == 0 {
			j.drop()
			j.blocks = append(j.blocks, new([Block]Entry))
		}
		j.count++
		e.Seq = j.count
		j.blocks[len(j.blocks)-1][at] = e
	}
	if j.news != nil && len(entries) > 0 {
		close(j.news)
		j.news = nil
	}
}

// drop lets go of the oldest blocks that the bound does not need. Readers that have them go on reading.
func (j *Journal) drop() {
	for j.Limit > 0 && len(j.blocks) > 0 && j.count-j.first-Block >= uint64(j.Limit) {
		j.blocks = append([]*[Block]Entry(nil), j.blocks[1:]...)
		j.first += Block
	}
}

// After yields the entries with a greater Seq than seq, as of the moment of the call.
func (j *Journal) After(seq uint64) iter.Seq[Entry] {
	j.mu.Lock()
	blocks, first, count := j.blocks[:len(j.blocks):len(j.blocks)], j.first, j.count
	j.mu.Unlock()
	return func(yield func(Entry) bool) {
		for at := max(seq, first); at < count; at++ {
			if !yield(blocks[(at-first)/Block][at%Block]) {
				return
			}
		}
	}
}

// Wait returns a channel that is closed once there is an entry with a greater Seq than seq, or after a reset.
func (j *Journal) Wait(seq uint64) <-chan struct{} {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.count > seq {
		now := make(chan struct{})
		close(now)
		return now
	}
	if j.news == nil {
		j.news = make(chan struct{})
	}
	return j.news
}

// Reset forgets all entries, and begins with Seq 1 again.
func (j *Journal) Reset() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.blocks, j.first, j.count = nil, 0, 0
	if j.news != nil {
		close(j.news)
		j.news = nil
	}
}

// Written is how many entries were ever added.
func (j *Journal) Written() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.count
}

// Dropped is how many of them were dropped.
func (j *Journal) Dropped() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.first
}
