package chdb

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// block encodes one block of revision 0 by clickhouse-go, whose idea of the format is not ours.
func block(t testing.TB, columns map[string][]any) []byte {
	t.Helper()
	b := proto.NewBlock()
	for kind, values := range columns {
		if err := b.AddColumn("c "+kind, column.Type(kind)); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if err := b.Columns[len(b.Columns)-1].AppendRow(v); err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
		}
	}
	var buf chproto.Buffer
	if err := b.Encode(&buf, 0); err != nil {
		t.Fatal(err)
	}
	return buf.Buf
}

var samples = map[string][]any{
	"UInt8":                              {uint8(1), uint8(2), uint8(3)},
	"String":                             {"a", "", strings.Repeat("long", 100)},
	"FixedString(3)":                     {"abc", "\x00\x01\x02", "xyz"},
	"Nullable(UInt32)":                   {uint32(1), nil, uint32(3)},
	"LowCardinality(String)":             {"a", "b", "a"},
	"LowCardinality(Nullable(String))":   {"a", nil, ""},
	"Array(String)":                      {[]string{"a"}, []string{}, []string{"b", "c"}},
	"Array(LowCardinality(String))":      {[]string{"a"}, []string{}, []string{"b", "a"}},
	"Array(Nullable(FixedString(2)))":    {[]any{"ab", nil}, []any{}, []any{nil}},
	"Map(String, UInt8)":                 {map[string]uint8{"a": 1}, map[string]uint8{}, map[string]uint8{"b": 2}},
	"Tuple(a String, b Nullable(UInt8))": {[]any{"x", nil}, []any{"", uint8(1)}, []any{"y", uint8(2)}},
	"DateTime64(3, 'UTC')":               {int64(0), int64(1), int64(2)},
	"Enum8('a' = 1, 'b' = 2)":            {"a", "b", "a"},
}

func TestTranscodedBlocksAreWhatClickHouseGoWouldHaveEncoded(t *testing.T) {
	const revision = proto.DBMS_TCP_PROTOCOL_VERSION
	for kind, values := range samples {
		t.Run(kind, func(t *testing.T) {
			in := block(t, map[string][]any{kind: values})
			got, err := newTranscoder(revision).encode(append(bytes.Clone(in), in...))
			if err != nil {
				t.Fatal(err)
			}
			var want chproto.Buffer
			r := chproto.NewReader(bytes.NewReader(append(bytes.Clone(in), in...)))
			for range 2 {
				b := proto.NewBlock()
				if err := b.Decode(r, 0); err != nil {
					t.Fatal(err)
				}
				if err := b.Encode(&want, revision); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(got, want.Buf) {
				t.Errorf("got  %q\nwant %q", got, want.Buf)
			}
		})
	}
}

func TestABlockWithoutRowsHasNoPrefixes(t *testing.T) {
	in := binary.AppendUvarint(nil, 1)
	in = binary.AppendUvarint(in, 0)
	for _, s := range []string{"a", "LowCardinality(String)"} {
		in = append(binary.AppendUvarint(in, uint64(len(s))), s...)
	}
	got, err := newTranscoder(proto.DBMS_TCP_PROTOCOL_VERSION).encode(in)
	if err != nil {
		t.Fatal(err)
	}
	b := proto.NewBlock()
	if err := b.Decode(chproto.NewReader(bytes.NewReader(got)), proto.DBMS_TCP_PROTOCOL_VERSION); err != nil || b.Rows() != 0 {
		t.Errorf("%d rows, error %v", b.Rows(), err)
	}
}

func TestABlockThatEndsEarlyIsAnError(t *testing.T) {
	for kind, values := range samples {
		in := block(t, map[string][]any{kind: values})
		for end := 1; end < len(in); end++ {
			if _, err := newTranscoder(proto.DBMS_TCP_PROTOCOL_VERSION).encode(in[:end]); err == nil {
				t.Errorf("%s: no error for %d of %d bytes", kind, end, len(in))
			}
		}
	}
}

// FuzzLayout feeds the measuring of columns with types and bytes that do not belong together: it must stop within the
// bytes, whatever they are.
func FuzzLayout(f *testing.F) {
	for kind, values := range samples {
		f.Add(kind, uint64(3), block(f, map[string][]any{kind: values}))
	}
	f.Add("Array(Array(Decimal(76, 3)))", uint64(1), bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, kind string, rows uint64, data []byte) {
		l := layoutOf(kind)
		if l == nil {
			return
		}
		c := cursor{data: data}
		l.prefix(&c)
		l.skip(&c, rows)
		if c.at < 0 || c.at > len(data) {
			t.Errorf("at %d of %d", c.at, len(data))
		}
	})
}

// FuzzInsertWithData checks that a statement is taken apart without loss: what it is put together from is what came in.
func FuzzInsertWithData(f *testing.F) {
	for _, sql := range []string{
		"INSERT INTO t (a, b) FORMAT Native", "insert into `db`.`t` values", "INSERT INTO t (a) SETTINGS x = 1, y = 'z' FORMAT CSV;",
		"INSERT INTO t SELECT 1", "SELECT 1 FORMAT Native", "INSERT INTO `FORMAT x` (`VALUES`)\nFORMAT Native",
	} {
		f.Add(sql)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		m := insertWithData.FindStringSubmatch(sql)
		if m == nil {
			return
		}
		if !strings.HasPrefix(sql, m[1]+m[2]) || !strings.Contains(sql[len(m[1]+m[2]):], m[3]) {
			t.Errorf("%q came apart as %q", sql, m)
		}
	})
}
