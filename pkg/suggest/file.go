package suggest

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/penstock-sync/penstock/pkg/spec"
)

// NoKey stands in the file in the place of a key that could not be proposed.
const NoKey = "choose_a_key"

// YAML is the sync's file. What is to be looked at stands in it as comments.
func (p Proposal) YAML() string {
	var b strings.Builder
	write := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format, args...) } // a strings.Builder takes everything
	comment := func(s string) {
		for _, line := range wrap(s, 118) {
			write("# %s\n", line)
		}
	}
	s := p.Sync
	comment(fmt.Sprintf("A first sync, proposed by `penstock suggest %s %s`: columns are matched by name, so look at each line. "+
		"`penstock plan` shows what it would do.", s.To.Environment, s.To.Table))
	write("sync: %s\n", scalar(s.Name))
	if p.KeyNote != "" {
		comment(p.KeyNote)
	}
	from, match := s.From.Key, s.To.Match
	if !p.Keyed {
		from, match = []string{NoKey}, []string{NoKey}
	}
	write("from: {query: %s, key: %s}\n", s.From.File, list(from))
	write("to:   {environment: %s, table: %s, match: {key: %s}}\n", scalar(s.To.Environment), s.To.Table, list(match))
	write("map:\n")
	width := 0
	lines := make([]string, len(p.Fields))
	for i, f := range p.Fields {
		lines[i] = f.Column + ": " + f.Value()
		if n := utf8.RuneCountInString(lines[i]); n <= 60 {
			width = max(width, n)
		}
	}
	for i, f := range p.Fields {
		about := f.Source.Type
		if f.Note != "" {
			about += ": " + f.Note
		}
		write("  %s%s  # %s\n", lines[i], strings.Repeat(" ", max(0, width-utf8.RuneCountInString(lines[i]))), oneLine(about))
	}
	if len(p.Fields) == 0 {
		write("  # Nothing in the query is called as a column of the table.\n")
	}
	if len(p.Required) > 0 {
		write("\n")
		comment("The table requires, and nothing here fills: " + strings.Join(p.Required, ", ") + ".")
	}
	if len(p.LeftOut) > 0 {
		write("\n# Left out:\n")
		for _, l := range p.LeftOut {
			write("#   %s (%s): %s\n", oneLine(l.Name), oneLine(l.Type), oneLine(l.Why))
		}
	}
	return b.String()
}

// Value is the right side of the field's line.
func (f Field) Value() string {
	switch {
	case len(f.By) > 0:
		return fmt.Sprintf("{to: %s, by: {%s: %s}}", f.To, f.By[0].Key, scalar(f.By[0].From))
	case f.Choice == spec.Label:
		return fmt.Sprintf("{from: %s, choice: label}", scalar(f.From))
	}
	return scalar(f.From)
}

var plain = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// scalar writes a name as YAML, in quotes where it could be taken for something else.
func scalar(name string) string {
	words := []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
	if plain.MatchString(name) && !slices.Contains(words, strings.ToLower(name)) {
		return name
	}
	return strconv.Quote(name)
}

func list(names []string) string {
	if len(names) == 1 {
		return scalar(names[0])
	}
	all := make([]string, len(names))
	for i, n := range names {
		all[i] = scalar(n)
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// oneLine keeps a text from leaving its comment.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))), " ")
}

// wrap breaks a text into lines.
func wrap(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(oneLine(s)) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
