package mapping

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A vocabulary holds texts that stand for numbers: labels of options, words of the warehouse, names of tables. They are
// compared without regard to case (Unicode's simple folding) and to blanks around them, and found without allocating.
type vocabulary []term

type term struct {
	text   string // as somebody wrote it, for messages
	folded string
	value  int32
}

// newVocabulary sorts texts for finding. Of such as fall together it gives the first two.
func newVocabulary(texts []string, values []int32) (all vocabulary, clash []term) {
	for i, text := range texts {
		all = append(all, term{text: text, folded: fold(text), value: values[i]})
	}
	slices.SortStableFunc(all, func(a, b term) int { return strings.Compare(a.folded, b.folded) })
	for i := 1; i < len(all); i++ {
		if all[i].folded == all[i-1].folded {
			return all, all[i-1 : i+1]
		}
	}
	return all, nil
}

// find gives the number that a text stands for.
func (v vocabulary) find(s string) (int32, bool) {
	s = strings.TrimSpace(s)
	low, high := 0, len(v)
	for low < high {
		middle := int(uint(low+high) >> 1)
		switch order := compareFolded(s, v[middle].folded); {
		case order == 0:
			return v[middle].value, true
		case order < 0:
			high = middle
		default:
			low = middle + 1
		}
	}
	return 0, false
}

// fold gives the form that texts are compared in.
func fold(s string) string {
	return strings.Map(foldRune, strings.TrimSpace(s))
}

// foldRune gives one character for all that differ in case only: the smallest, which of ASCII letters is the capital.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if r >= 'a' && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// compareFolded compares what fold(s) would be with a folded text.
func compareFolded(s, folded string) int {
	for len(s) > 0 && len(folded) > 0 {
		a, b := rune(s[0]), rune(folded[0])
		sizeA, sizeB := 1, 1
		if a >= utf8.RuneSelf {
			a, sizeA = utf8.DecodeRuneInString(s)
		}
		if b >= utf8.RuneSelf {
			b, sizeB = utf8.DecodeRuneInString(folded)
		}
		if a != b {
			if a = foldRune(a); a != b {
				return cmp.Compare(a, b)
			}
		}
		s, folded = s[sizeA:], folded[sizeB:]
	}
	return cmp.Compare(len(s), len(folded))
}

// most is how many options, labels or codes a message lists.
const most = 8

// listed joins what there is for a message, and says when there is more.
func listed(names []string) string {
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " and more"
	}
	return strings.Join(names, ", ")
}
