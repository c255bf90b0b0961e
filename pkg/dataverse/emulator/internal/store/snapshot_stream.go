package store

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/s2"
)

// This file is a Snapshot as a stream: s2 frames around a magic line, the tables with their column names, and the rows as they lie in memory.

const (
	snapshotMagic = "penstock emulator snapshot 1\n"
	snapshotEnd   = "end of snapshot\n"
)

// Write writes the snapshot to w.
func (p *Snapshot) Write(w io.Writer) error {
	compressed := s2.NewWriter(w, s2.WriterConcurrency(1)) // beside a server that answers meanwhile
	out := snapshotWriter{w: bufio.NewWriterSize(compressed, 1<<16)}
	out.raw([]byte(snapshotMagic))
	out.number(p.version)
	out.number(uint64(len(p.tables)))
	for _, t := range p.tables {
		out.text(t.name)
		out.number(uint64(len(t.columns)))
		for _, c := range t.columns {
			out.text(c.name)
			out.number(uint64(len(c.targets)))
			for _, name := range c.targets {
				out.text(name)
			}
		}
		out.number(uint64(len(t.rows)))
		for i := range t.rows {
			r := &t.rows[i]
			out.raw(r.id[:])
			out.number(r.version)
			out.number(uint64(r.created))
			out.number(uint64(r.modified))
			out.number(uint64(len(r.cells)))
			out.raw(r.cells)
		}
	}
	out.raw([]byte(snapshotEnd))
	if out.err == nil {
		out.err = out.w.Flush()
	}
	if err := errors.Join(out.err, compressed.Close()); err != nil {
		return fmt.Errorf("write the snapshot: %w", err)
	}
	return nil
}

type snapshotWriter struct {
	w       *bufio.Writer
	scratch [binary.MaxVarintLen64]byte
	err     error
}

func (o *snapshotWriter) raw(b []byte) {
	if o.err == nil {
		_, o.err = o.w.Write(b)
	}
}

func (o *snapshotWriter) number(n uint64) { o.raw(o.scratch[:binary.PutUvarint(o.scratch[:], n)]) }

func (o *snapshotWriter) text(s string) {
	o.number(uint64(len(s)))
	o.raw([]byte(s))
}

// ReadSnapshot reads what Write has written.
func ReadSnapshot(r io.Reader) (*Snapshot, error) {
	in := snapshotReader{r: bufio.NewReaderSize(s2.NewReader(r), 1<<16)}
	p := &Snapshot{}
	if string(in.raw(len(snapshotMagic))) != snapshotMagic {
		return nil, errors.New("emulator: this is no snapshot that Snapshot.Write has written")
	}
	p.version = in.number()
	for range in.count(1<<16, "tables") {
		t := tableImage{name: in.text()}
		for range in.count(1<<16, "columns") {
			c := columnImage{name: in.text()}
			for range in.count(1<<8, "targets") {
				c.targets = append(c.targets, in.text())
			}
			t.columns = append(t.columns, c)
		}
		for range in.count(1<<40, "rows") {
			var r rowImage
			copy(r.id[:], in.raw(len(r.id)))
			r.version, r.created, r.modified = in.number(), int64(in.number()), int64(in.number())
			r.cells = in.raw(in.count(1<<30, "bytes in a row"))
			if in.err == nil && !t.holds(r.cells) {
				in.err = fmt.Errorf("a row of %q is damaged", t.name)
			}
			if in.err != nil {
				break
			}
			t.rows = append(t.rows, r)
		}
		if in.err != nil {
			break
		}
		p.tables = append(p.tables, t)
	}
	if in.err == nil && string(in.raw(len(snapshotEnd))) != snapshotEnd {
		in.err = errors.Join(in.err, io.ErrUnexpectedEOF)
	}
	if in.err != nil {
		return nil, fmt.Errorf("emulator: read the snapshot: %w", in.err)
	}
	return p, nil
}

// holds reports whether cells are what rows of the image can have.
func (image *tableImage) holds(cells []byte) bool {
	last := -1
	for len(cells) > 0 {
		if len(cells) < cellHeader || uint64(binary.LittleEndian.Uint32(cells[2:])) > uint64(len(cells)-cellHeader) {
			return false
		}
		var c Cell
		c, cells = NextCell(cells)
		if c.Column <= last || c.Column >= len(image.columns) || len(c.Value) == 0 {
			return false
		}
		if targets := image.columns[c.Column].targets; len(targets) > 0 {
			if index, _, ok := Reference(c.Value); !ok || int(index) >= len(targets) {
				return false
			}
		}
		last = c.Column
	}
	return true
}

type snapshotReader struct {
	r   *bufio.Reader
	err error
}

// raw reads n bytes. What a damaged stream claims is believed piece by piece only.
func (in *snapshotReader) raw(n int) []byte {
	if in.err != nil || n == 0 {
		return nil
	}
	const piece = 1 << 20
	b := make([]byte, 0, min(n, piece))
	for len(b) < n && in.err == nil {
		from := len(b)
		b = append(b, make([]byte, min(n-from, piece))...)
		if _, err := io.ReadFull(in.r, b[from:]); err != nil {
			in.err = fmt.Errorf("it ends early: %w", err)
		}
	}
	return b
}

func (in *snapshotReader) number() uint64 {
	if in.err != nil {
		return 0
	}
	n, err := binary.ReadUvarint(in.r)
	if err != nil {
		in.err = fmt.Errorf("it ends early: %w", err)
	}
	return n
}

// count reads a number that says how much follows.
func (in *snapshotReader) count(limit uint64, what string) int {
	n := in.number()
	if n > limit && in.err == nil {
		in.err = fmt.Errorf("%d %s are more than there can be", n, what)
	}
	if in.err != nil {
		return 0
	}
	return int(n)
}

func (in *snapshotReader) text() string { return string(in.raw(in.count(1<<16, "bytes in a name"))) }
