package query

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file says in which order values are: null first, text without case, as SQL has it.

// compareValues orders two JSON values of a column.
func compareValues(c *schema.Column, a, b []byte) int {
	switch {
	case len(a) == 0 || len(b) == 0:
		return min(len(a), 1) - min(len(b), 1)
	case bytes.Equal(a, b):
		return 0
	case a[0] == '"' && b[0] == '"':
		if c.Edm() != "Edm.String" {
			return bytes.Compare(a, b)
		}
		var x, y [128]byte
		return bytes.Compare(store.AppendFolded(x[:0], a), store.AppendFolded(y[:0], b))
	case c.Type == schema.Boolean:
		return bytes.Compare(a, b)
	}
	x, _ := strconv.ParseFloat(string(a), 64) // cells hold valid numbers
	y, _ := strconv.ParseFloat(string(b), 64)
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

// appendSortKey appends bytes that are in the order of the values: by these a page goes on where the last one ended, whatever happened to its rows.
func appendSortKey(dst []byte, o ordering, r *store.Row) []byte {
	start := len(dst)
	v, col := o.term.read(r), o.term.schema()
	switch {
	case len(v) == 0:
		dst = append(dst, 0)
	case v[0] == '"':
		dst = store.AppendFolded(append(dst, 1), v)
		dst = append(dst, 0) // so that a prefix comes first
	case col.Type == schema.Boolean:
		dst = append(dst, 1, v[0]) // f before t
	default:
		n, _ := strconv.ParseFloat(string(v), 64)
		bits := math.Float64bits(n)
		if bits>>63 == 0 {
			bits |= 1 << 63
		} else {
			bits = ^bits
		}
		dst = binary.BigEndian.AppendUint64(append(dst, 1), bits)
	}
	if o.descending {
		for i := start; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}

// sortKey appends the row's place in the order of the query. Rows that are equal in it are in the order of their creation.
func (q *Query) sortKey(dst []byte, r *store.Row) []byte {
	for _, o := range q.order {
		dst = appendSortKey(dst, o, r)
	}
	return binary.BigEndian.AppendUint64(dst, r.Serial)
}
