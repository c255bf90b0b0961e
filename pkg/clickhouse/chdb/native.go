package chdb

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// transcoder turns blocks of the Native format as files have them (revision 0, which is all that libchdb writes) into
// blocks as a client of a later revision wants them.
//
// A column's bytes are the same in both; what differs is what stands between. So columns are measured and copied, not
// decoded, but for the few types that only clickhouse-go's decoder can measure.
type transcoder struct {
	revision   uint64
	verbatim   bool // blocks go out as they are
	compressor *compress.Writer

	buf   []byte
	types map[string]*layout
	slow  *bufio.Reader // what clickhouse-go's decoder reads from
}

func newTranscoder(revision uint64) *transcoder {
	return &transcoder{revision: revision, types: map[string]*layout{}}
}

// newCompressor makes the compressor for blocks; an unknown or no name means ClickHouse's default, LZ4.
func newCompressor(name string) *compress.Writer {
	method := compress.LZ4
	switch name {
	case "ZSTD":
		method = compress.ZSTD
	case "NONE":
		method = compress.None
	}
	return compress.NewWriter(compress.LevelZero, method)
}

// encode returns whole blocks in the client's form. The bytes are good until the next call.
func (t *transcoder) encode(blocks []byte) ([]byte, error) {
	out := blocks
	if !t.verbatim {
		t.buf = t.buf[:0]
		c := cursor{data: blocks}
		for c.at < len(c.data) {
			if err := t.block(&c); err != nil {
				return nil, err
			}
		}
		out = t.buf
	}
	if t.compressor != nil {
		if err := t.compressor.Compress(out); err != nil {
			return nil, fmt.Errorf("compress block: %w", err)
		}
		out = t.compressor.Data
	}
	return out, nil
}

// block appends one block to t.buf.
func (t *transcoder) block(c *cursor) error {
	if t.revision > 0 {
		// Block info: not an overflow block (field 1), no bucket (field 2, -1), end of fields.
		t.buf = append(t.buf, 1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0)
	}
	columns, rows := c.uvarint(), c.uvarint()
	if c.err != nil {
		return c.err
	}
	t.buf = binary.AppendUvarint(t.buf, columns)
	t.buf = binary.AppendUvarint(t.buf, rows)
	for range columns {
		start := c.at
		name, kind := c.text(), c.text()
		if c.err != nil {
			return c.err
		}
		t.buf = append(t.buf, c.data[start:c.at]...)
		if t.revision >= proto.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION {
			t.buf = append(t.buf, 0) // the usual serialization
		}
		if rows == 0 {
			continue // not even a prefix
		}
		start = c.at
		if err := t.skip(c, kind, rows); err != nil {
			return fmt.Errorf("column %s %s: %w", name, kind, err)
		}
		t.buf = append(t.buf, c.data[start:c.at]...)
	}
	return nil
}

// skip moves c past a column.
func (t *transcoder) skip(c *cursor, kind string, rows uint64) error {
	l, seen := t.types[kind]
	if !seen {
		l = layoutOf(kind)
		t.types[kind] = l
	}
	if l != nil {
		l.prefix(c)
		l.skip(c, rows)
		return c.err
	}
	col, err := column.Type(kind).Column("", &column.ServerContext{Timezone: time.UTC})
	if err != nil {
		return raise(unknownType, "UNKNOWN_TYPE", "The embedded ClickHouse cannot send type %s: %v", kind, err)
	}
	rest := bytes.NewReader(c.data[c.at:])
	if t.slow == nil {
		// Large enough that ch-go's reader takes it as its buffer, so that what it has not used can be counted.
		t.slow = bufio.NewReaderSize(nil, 1<<20)
	}
	t.slow.Reset(rest)
	r := chproto.NewReader(t.slow)
	if prefixed, ok := col.(column.CustomSerialization); ok {
		if err := prefixed.ReadStatePrefix(r); err != nil {
			return err
		}
	}
	if err := col.Decode(r, int(rows)); err != nil {
		return err
	}
	c.at = len(c.data) - rest.Len() - t.slow.Buffered()
	return nil
}

// cursor walks over bytes; the first thing that does not fit sets err and stops it.
type cursor struct {
	data []byte
	at   int
	err  error
}

func (c *cursor) fail() {
	if c.err == nil {
		c.err = fmt.Errorf("block ends early, at byte %d of %d", c.at, len(c.data))
	}
	c.at = len(c.data)
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.data[c.at:])
	if n <= 0 {
		c.fail()
		return 0
	}
	c.at += n
	return v
}

func (c *cursor) uint64() uint64 {
	if len(c.data)-c.at < 8 {
		c.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(c.data[c.at:])
	c.at += 8
	return v
}

func (c *cursor) text() string {
	n := c.uvarint()
	start := c.at
	c.skip(n, 1)
	return string(c.data[start:c.at])
}

// skip moves over n values of some bytes each.
func (c *cursor) skip(n, width uint64) {
	left := uint64(len(c.data) - c.at)
	if width > 0 && n > left/width {
		c.fail()
		return
	}
	c.at += int(n * width)
}

// layout says how a type lies in a block.
type layout struct {
	kind  kind
	width uint64  // of a fixed value, in bytes
	inner *layout // of a nullable, array or dictionary
}

type kind int

const (
	fixed kind = iota
	text
	nullable
	array
	dictionary // LowCardinality
)

var widths = map[string]uint64{ //nolint:gochecknoglobals // constant table
	"UInt8": 1, "Int8": 1, "Bool": 1, "Enum8": 1,
	"UInt16": 2, "Int16": 2, "Enum16": 2, "Date": 2, "BFloat16": 2,
	"UInt32": 4, "Int32": 4, "Float32": 4, "Date32": 4, "DateTime": 4, "IPv4": 4, "Decimal32": 4,
	"UInt64": 8, "Int64": 8, "Float64": 8, "DateTime64": 8, "Decimal64": 8,
	"UInt128": 16, "Int128": 16, "UUID": 16, "IPv6": 16, "Decimal128": 16,
	"UInt256": 32, "Int256": 32, "Decimal256": 32,
}

// layoutOf returns nil for a type that is not laid out here.
func layoutOf(name string) *layout {
	base, args, _ := strings.Cut(name, "(")
	args = strings.TrimSuffix(args, ")")
	if w, ok := widths[base]; ok {
		return &layout{kind: fixed, width: w}
	}
	switch base {
	case "String":
		return &layout{kind: text}
	case "FixedString":
		if n, err := strconv.ParseUint(args, 10, 32); err == nil && n > 0 {
			return &layout{kind: fixed, width: n}
		}
	case "Decimal":
		precision, _, _ := strings.Cut(args, ",")
		if p, err := strconv.Atoi(precision); err == nil {
			for _, size := range []struct {
				digits int
				width  uint64
			}{{9, 4}, {18, 8}, {38, 16}, {76, 32}} {
				if p <= size.digits {
					return &layout{kind: fixed, width: size.width}
				}
			}
		}
	case "Nullable":
		if inner := layoutOf(args); inner != nil {
			return &layout{kind: nullable, inner: inner}
		}
	case "Array":
		if inner := layoutOf(args); inner != nil {
			return &layout{kind: array, inner: inner}
		}
	case "LowCardinality":
		// The dictionary holds plain values; which index means NULL is fixed.
		if inner, ok := strings.CutPrefix(args, "Nullable("); ok {
			args = strings.TrimSuffix(inner, ")")
		}
		if inner := layoutOf(args); inner != nil {
			return &layout{kind: dictionary, inner: inner}
		}
	}
	return nil
}

// prefix moves over what stands before all values of a column.
func (l *layout) prefix(c *cursor) {
	switch l.kind { //nolint:exhaustive // nothing stands before the others
	case dictionary:
		c.uint64() // version of the serialization
	case nullable, array:
		l.inner.prefix(c)
	}
}

// skip moves over the values of a column.
func (l *layout) skip(c *cursor, rows uint64) {
	switch l.kind {
	case fixed:
		c.skip(rows, l.width)
	case text:
		for ; rows > 0 && c.err == nil; rows-- {
			c.skip(c.uvarint(), 1)
		}
	case nullable:
		c.skip(rows, 1)
		l.inner.skip(c, rows)
	case array:
		if rows == 0 {
			return
		}
		c.skip(rows-1, 8)
		l.inner.skip(c, c.uint64()) // the last offset is the count of all
	case dictionary:
		if rows == 0 {
			return
		}
		const index, global, additional = 0xff, 1 << 8, 1 << 9
		flags := c.uint64()
		if flags&index > 3 || flags&global != 0 || flags&additional == 0 {
			// Never in this format: a global dictionary would be in an earlier block.
			c.fail()
			return
		}
		l.inner.skip(c, c.uint64())
		if n := c.uint64(); n <= math.MaxInt32 {
			c.skip(n, 1<<(flags&index))
		} else {
			c.fail()
		}
	}
}
