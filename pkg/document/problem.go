package document

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// A Position is a place in a file.
type Position struct {
	File   string
	Line   int // from 1
	Column int // from 1
}

// String reads as compilers write it: syncs/contacts.yaml:3:7. Unknown parts are left out.
func (p Position) String() string {
	s := p.File
	if p.Line > 0 {
		s += ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
	}
	return s
}

// A Problem is one mistake in a file: where, what, and how to mend it.
type Problem struct {
	Position
	What string
	Mend string // may be empty
}

// Error reads as "syncs/contacts.yaml:3:7: unknown key "tabel" in to; did you mean table?".
func (p Problem) Error() string {
	s := p.Position.String() + ": " + p.What
	if p.Mend != "" {
		s += "; " + p.Mend
	}
	return s
}

// Problems are all mistakes that were found. As an error they come from [Problems.Err], by file and place.
type Problems []Problem

// Error has one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err is the problems by file and place, or nil when there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return ps
}

// Nearest finds the known word that somebody who wrote word probably meant. It is empty when none is near enough.
func Nearest(word string, known []string) string {
	best, least := "", max(1, len(word)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// DidYouMean is the mend for an unknown word: the nearest known one, else all of them, in their order, where they are few.
func DidYouMean(word string, known []string) string {
	if near := Nearest(word, known); near != "" {
		return "did you mean " + near + "?"
	}
	if len(known) > 0 && len(known) <= 24 {
		return "known are " + strings.Join(known, ", ")
	}
	return ""
}

// distance counts the letters that have to be added, dropped, replaced or swapped with their neighbour.
func distance(a, b string) int {
	prev, row := make([]int, len(b)+1), make([]int, len(b)+1)
	var before []int // the row before prev
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			change := prev[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(change, prev[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, prev, row = prev, row, make([]int, len(b)+1)
	}
	return prev[len(b)]
}
