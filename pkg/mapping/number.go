package mapping

import (
	"math"
	"strconv"
	"strings"
)

// A numeral is a decimal number as text, taken apart for comparing without loss: [-]whole[.fraction]. Numbers of any
// length are compared and written as they are; none goes through a float.
type numeral struct {
	negative bool
	whole    string // without leading zeros; empty for 0
	fraction string // without trailing zeros
}

// parseNumeral reads digits with an optional sign and point: what ClickHouse prints for whole numbers and decimals.
func parseNumeral(s string) (n numeral, ok bool) {
	if s != "" && s[0] == '-' {
		n.negative, s = true, s[1:]
	}
	point := -1
	for i := range len(s) {
		if s[i]-'0' > 9 { // below '0' it wraps around
			if s[i] != '.' || point >= 0 {
				return n, false
			}
			point = i
		}
	}
	n.whole = s
	if point >= 0 {
		n.whole, n.fraction = s[:point], s[point+1:]
	}
	if n.whole == "" || point >= 0 && n.fraction == "" {
		return n, false
	}
	for n.whole != "" && n.whole[0] == '0' {
		n.whole = n.whole[1:]
	}
	for n.fraction != "" && n.fraction[len(n.fraction)-1] == '0' {
		n.fraction = n.fraction[:len(n.fraction)-1]
	}
	if n.whole == "" && n.fraction == "" {
		n.negative = false
	}
	return n, true
}

// append writes the number as JSON takes it.
func (n numeral) append(dst []byte) []byte {
	if n.negative {
		dst = append(dst, '-')
	}
	if n.whole == "" {
		dst = append(dst, '0')
	}
	dst = append(dst, n.whole...)
	if n.fraction != "" {
		dst = append(dst, '.')
		dst = append(dst, n.fraction...)
	}
	return dst
}

// less compares by value.
func (n *numeral) less(o *numeral) bool {
	if n.negative != o.negative {
		return n.negative
	}
	if n.negative {
		n, o = o, n
	}
	if len(n.whole) != len(o.whole) {
		return len(n.whole) < len(o.whole)
	}
	if n.whole != o.whole {
		return n.whole < o.whole
	}
	return n.fraction < o.fraction
}

// int64 is the number as a whole one. within is false when it is too large, or has a fraction.
func (n numeral) int64() (v int64, within bool) {
	if n.fraction != "" || len(n.whole) > 19 {
		return 0, false
	}
	var u uint64
	for i := range len(n.whole) {
		u = u*10 + uint64(n.whole[i]-'0')
	}
	switch {
	case n.negative && u <= 1<<63:
		return -int64(u), true
	case !n.negative && u <= math.MaxInt64:
		return int64(u), true
	}
	return 0, false
}

// significant is how many digits it takes to write the number, not counting zeros that only say where the point is.
func (n numeral) significant() int {
	if n.fraction == "" {
		return len(strings.TrimRight(n.whole, "0"))
	}
	if n.whole == "" {
		return len(strings.TrimLeft(n.fraction, "0"))
	}
	return len(n.whole) + len(n.fraction)
}

// bounds are the least and the greatest value of a column, inclusive, in the forms that values come in.
type bounds struct {
	min, max       numeral
	hasMin, hasMax bool
	low, high      int64   // for whole numbers
	least, most    float64 // for floats
}

// parseBounds reads the numerals of the metadata; "" is no bound.
func parseBounds(lowest, highest string) bounds {
	b := bounds{low: math.MinInt64, high: math.MaxInt64, least: math.Inf(-1), most: math.Inf(1)}
	if b.min, b.hasMin = parseNumeral(lowest); b.hasMin {
		b.low, b.least = b.min.nearest(), float(lowest)
		if b.min.fraction != "" && !b.min.negative && b.low < math.MaxInt64 {
			b.low++ // 0.5 leaves 1 as the least whole number
		}
	}
	if b.max, b.hasMax = parseNumeral(highest); b.hasMax {
		b.high, b.most = b.max.nearest(), float(highest)
		if b.max.fraction != "" && b.max.negative && b.high > math.MinInt64 {
			b.high--
		}
	}
	return b
}

func float(s string) float64 {
	f, _ := strconv.ParseFloat(s, 64) // it is a numeral; out of range gives an infinity, which bounds nothing
	return f
}

// nearest is the number without its fraction, or the farthest int64 on its side.
func (n numeral) nearest() int64 {
	n.fraction = ""
	v, ok := n.int64()
	switch {
	case ok:
		return v
	case n.negative:
		return math.MinInt64
	}
	return math.MaxInt64
}

// holds reports whether a number is within the bounds.
func (b *bounds) holds(n *numeral) bool {
	return !(b.hasMin && n.less(&b.min)) && !(b.hasMax && b.max.less(n))
}
