package extractor

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestMain(m *testing.M) { clickhousetest.Main(m) }

// cut runs changes of the given body sizes through a cutter, with a pause before each, and returns the chunks.
func cut(t *testing.T, pause time.Duration, sizes ...int) []*penstock.Chunk {
	t.Helper()
	out := make(chan *penstock.Chunk, len(sizes)+1)
	c := &cutter{template: penstock.Chunk{Run: penstock.RunID{Number: 3}}, moment: 250 * time.Millisecond, out: out}
	for _, size := range sizes {
		if err := daemon.Sleep(t.Context(), pause); err != nil {
			t.Fatal(err)
		}
		if err := c.add(t.Context(), penstock.Change{Body: make([]byte, size)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.cut(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(out)
	var chunks []*penstock.Chunk
	for chunk := range out {
		chunks = append(chunks, chunk)
	}
	if int(c.count()) != len(chunks) {
		t.Errorf("counts %d chunks, made %d", c.count(), len(chunks))
	}
	for i, chunk := range chunks {
		if chunk.Ordinal != uint32(i+1) {
			t.Errorf("chunk %d has ordinal %d", i+1, chunk.Ordinal)
		}
	}
	return chunks
}

func times(n, size int) []int {
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = size
	}
	return sizes
}

func TestAChunkHoldsAThousandChanges(t *testing.T) {
	chunks := cut(t, 0, times(2500, 10)...)
	if len(chunks) != 3 || len(chunks[0].Changes) != 1000 || len(chunks[2].Changes) != 500 {
		t.Errorf("%d chunks", len(chunks))
	}
}

func TestAChunkHoldsNoMoreBytesThanItMay(t *testing.T) {
	for _, chunk := range cut(t, 0, times(100, 10<<10)...) {
		total := 0
		for _, c := range chunk.Changes {
			total += len(c.Body)
		}
		if total > penstock.ChunkBytes {
			t.Errorf("a chunk of %d bytes", total)
		}
	}
}

func TestALargeChangeTravelsAlone(t *testing.T) {
	chunks := cut(t, 0, 100, penstock.MaxChangeBytes, 100)
	if len(chunks) != 3 {
		t.Errorf("%d chunks, want the large change in one of its own", len(chunks))
	}
}

func TestNothingMakesNoChunk(t *testing.T) {
	if chunks := cut(t, 0); len(chunks) != 0 {
		t.Errorf("%d chunks of nothing", len(chunks))
	}
}

func TestSlowRowsAreNotHeldBackUntilAChunkIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if chunks := cut(t, 10*time.Millisecond, times(200, 10)...); len(chunks) < 3 {
			t.Errorf("%d chunks of rows that took two seconds to come", len(chunks))
		}
	})
}
