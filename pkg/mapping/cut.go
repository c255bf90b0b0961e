package mapping

import (
	"unicode"
	"unicode/utf8"
)

// A Cut says of a column with truncate how many of its values were cut.
type Cut struct {
	Column string
	Values uint64
}

// Cuts counts the values that were cut in the rows that r has held and that could be rendered, by column; columns without any are
// left out.
func (p *Plan) Cuts(r *Row) []Cut {
	var cuts []Cut
	for i, n := range r.cuts {
		if n > 0 {
			cuts = append(cuts, Cut{p.cuts[i], n})
		}
	}
	return cuts
}

// cutText is the longest beginning of a text that is too long, so that what people see as one character stays whole: no accent, no
// half of an emoji is cut off from what it belongs to. max is in UTF-16 units. Text that is no UTF-8 is left for who writes it to refuse.
func cutText(s string, max int) string {
	end, units := 0, 0
	for i, r := range s {
		units++
		if r > 0xffff {
			units++
		}
		if units > max {
			end = i
			break
		}
	}
	whole := end
	for whole > 0 {
		next, _ := utf8.DecodeRuneInString(s[whole:])
		last, size := utf8.DecodeLastRuneInString(s[:whole])
		if !clings(next) && last != joiner {
			return s[:whole]
		}
		whole -= size
	}
	return s[:end] // it is one long character
}

// joiner makes one emoji of two: 👩 + joiner + 💻.
const joiner = '\u200d'

// clings reports whether a rune is a part of the character before it.
func clings(r rune) bool {
	return r >= 0x300 && (unicode.Is(unicode.M, r) || r == joiner || r >= 0x1f3fb && r <= 0x1f3ff) // the last are colours of skin
}
