package spec

import (
	"fmt"
	"slices"
	"strings"
)

// around is how many unchanged lines are shown on either side of a change.
const around = 2

// mostCells bounds the table that comparing two texts fills. Beyond it, one text is shown as replaced by the other.
const mostCells = 4 << 20

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// diffLines lists what changed from one text to the other, with what is around it: see [Difference.Lines].
func diffLines(old, now []string) []string {
	all := align(old, now)
	shown := make([]bool, len(all))
	for i, line := range all {
		if line[0] != ' ' {
			for j := max(0, i-around); j < min(len(all), i+around+1); j++ {
				shown[j] = true
			}
		}
	}
	var lines []string
	skipped := 0
	skip := func() {
		if skipped == 1 {
			lines = append(lines, "… 1 line")
		} else if skipped > 0 {
			lines = append(lines, fmt.Sprintf("… %d lines", skipped))
		}
		skipped = 0
	}
	for i, line := range all {
		if !shown[i] {
			skipped++
			continue
		}
		skip()
		lines = append(lines, line)
	}
	skip()
	return lines
}

// align puts both texts into one, every line once, after "-", "+" or " ": as few of the first two as possible.
func align(old, now []string) []string {
	var head, tail []string
	for len(old) > 0 && len(now) > 0 && old[0] == now[0] {
		head, old, now = append(head, " "+old[0]), old[1:], now[1:]
	}
	for len(old) > 0 && len(now) > 0 && old[len(old)-1] == now[len(now)-1] {
		tail = append(tail, " "+old[len(old)-1])
		old, now = old[:len(old)-1], now[:len(now)-1]
	}
	slices.Reverse(tail)

	// longest[i][j] is how many lines the rests from i and j on have in common, in order.
	width := len(now) + 1
	var longest []int32
	if (len(old)+1)*width <= mostCells {
		longest = make([]int32, (len(old)+1)*width)
		for i := len(old) - 1; i >= 0; i-- {
			for j := len(now) - 1; j >= 0; j-- {
				longest[i*width+j] = max(longest[(i+1)*width+j], longest[i*width+j+1])
				if old[i] == now[j] {
					longest[i*width+j] = longest[(i+1)*width+j+1] + 1
				}
			}
		}
	}
	all := head
	i, j := 0, 0
	for i < len(old) || j < len(now) {
		switch {
		case longest != nil && i < len(old) && j < len(now) && old[i] == now[j]:
			all = append(all, " "+old[i])
			i, j = i+1, j+1
		case i < len(old) && (longest == nil || j == len(now) || longest[(i+1)*width+j] >= longest[i*width+j+1]):
			all = append(all, "-"+old[i])
			i++
		default:
			all = append(all, "+"+now[j])
			j++
		}
	}
	return append(all, tail...)
}
