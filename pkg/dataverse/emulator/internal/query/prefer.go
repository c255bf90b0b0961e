package query

import (
	"slices"
	"strconv"
	"strings"
)

// Preferences are what the Prefer header of a read asks for (sections 2.1 and 7). What is honoured is echoed as Preference-Applied.
type preferences struct {
	page        int      // odata.maxpagesize, 0 without
	annotations []string // patterns of odata.include-annotations: *, a name, a namespace followed by .*; a minus before it excludes
	track       bool     // odata.track-changes
	applied     []string
}

func readPreferences(header []byte) preferences {
	var p preferences
	if len(header) == 0 {
		return p
	}
	for _, one := range splitQuoted(string(header)) {
		name, v, _ := strings.Cut(strings.TrimSpace(one), "=")
		v = strings.Trim(strings.TrimSpace(v), `"`)
		switch strings.TrimSpace(name) {
		case "odata.maxpagesize", "maxpagesize":
			if n, err := strconv.Atoi(v); err == nil && n > 0 && n <= maxPage {
				p.page = n
				p.applied = append(p.applied, "odata.maxpagesize="+v)
			}
		case "odata.include-annotations":
			for pattern := range strings.SplitSeq(v, ",") {
				p.annotations = append(p.annotations, strings.TrimSpace(pattern))
			}
			p.applied = append(p.applied, `odata.include-annotations="`+v+`"`)
		case "odata.track-changes":
			p.track = true
			p.applied = append(p.applied, "odata.track-changes")
		}
	}
	return p
}

// splitQuoted cuts a header at the commas that are not in quotes.
func splitQuoted(s string) []string {
	quoted := false
	return strings.FieldsFunc(s, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ',' && !quoted
	})
}

func (p preferences) echo() string { return strings.Join(p.applied, ", ") }

// without takes a preference back that is not honoured after all.
func (p *preferences) without(prefix string) {
	p.applied = slices.DeleteFunc(p.applied, func(a string) bool { return strings.HasPrefix(a, prefix) })
}

// oneRow takes the preferences back that an answer with one row does not honour.
func (p *preferences) oneRow() {
	p.without("odata.maxpagesize")
	p.without("odata.track-changes")
}

// wants reports whether answers carry the annotation of that name.
func (p preferences) wants(annotation string) bool {
	wanted := false
	for _, pattern := range p.annotations {
		excluded := strings.HasPrefix(pattern, "-")
		if matches(strings.TrimPrefix(pattern, "-"), annotation) {
			if excluded {
				return false
			}
			wanted = true
		}
	}
	return wanted
}

func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

// EntityJSON is the media type of an answer with the usual control information.
const EntityJSON = "application/json; odata.metadata=minimal"

// A level is how much control information an answer carries: odata.metadata of the Accept header.
type level int

const (
	minimal level = iota
	none
	full
)

func metadataLevel(accept []byte) level {
	switch a := string(accept); {
	case strings.Contains(a, "odata.metadata=none"):
		return none
	case strings.Contains(a, "odata.metadata=full"):
		return full
	}
	return minimal
}

// contentType is the media type of an answer with entities.
func (l level) contentType() string {
	return [...]string{
		minimal: EntityJSON, none: "application/json; odata.metadata=none", full: "application/json; odata.metadata=full",
	}[l] + "; odata.streaming=true"
}
