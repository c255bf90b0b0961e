package plan

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// Differences says in words how a sync differs from what it was: "map.gendercode: {from: sex} -> {from: gender}". One of a text has
// several lines.
func Differences(was, is spec.Sync) []string {
	old, err := json.Marshal(was)
	if err != nil {
		return []string{err.Error()} // a spec always marshals
	}
	now, err := json.Marshal(is)
	if err != nil {
		return []string{err.Error()}
	}
	found, err := spec.Diff(old, now)
	if err != nil {
		return []string{err.Error()} // this is JSON
	}
	all := make([]string, len(found))
	for i, d := range found {
		all[i] = d.String()
	}
	return all
}

// resends reports whether a difference, as [Differences] has it, may change what is sent for a row.
func resends(difference string) bool {
	path, _, _ := strings.Cut(strings.TrimLeft(difference, "+- "), ":")
	switch part, _, _ := strings.Cut(path, "."); part {
	case "map":
		return true
	case "to":
		return path != "to.on_leave"
	case "from":
		return path == "from.key"
	}
	return false
}

func brief(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if s == "" {
		return `""`
	}
	if runes := []rune(s); len(runes) > 80 {
		return string(runes[:79]) + "…"
	}
	return s
}

// causes says why rows are sent again whose values Dataverse has.
func (p *planning) causes() {
	if p.preview.Changes[ledger.Mapping] == 0 {
		return
	}
	say := func(s string) { p.out.ResendBecause = append(p.out.ResendBecause, s) }
	if p.model.Since > 0 {
		say("a full run was asked for")
	}
	written := false
	if p.AppliedMapping == nil || p.AppliedMapping.Fingerprint() != p.Mapping.Fingerprint() {
		for _, d := range p.out.GetDifferences() {
			if resends(d) {
				say(d)
				written = true
			}
		}
	}
	// What was sent last was not rendered by what is applied, as it compiles today.
	before := p.AppliedMapping
	if before == nil && !written {
		before = p.Mapping
	}
	if before != nil && p.Last.Fingerprint != 0 && p.Last.Fingerprint != before.Fingerprint() {
		say(fmt.Sprintf("what the mapping rests on is not what it was in run %d: metadata of the table (labels or numbers of choices, lengths, bounds, keys), "+
			"types of the model's columns, or the version of Penstock", p.Last.ID.Number))
	}
	if len(p.out.GetResendBecause()) == 0 {
		say("they were last sent by an earlier mapping")
	}
}

// Metadata says in words how the metadata of columns that a sync fills differs between two readings of its table.
func Metadata(was, is *dataverse.Table, s spec.Sync) []string {
	var all []string
	for _, f := range s.Map {
		old, had := was.Column(f.Column)
		now, has := is.Column(f.Column)
		if !had || !has {
			continue // what has gone is a problem, which is said elsewhere
		}
		say := func(what string, old, now any) {
			if a, b := fmt.Sprint(old), fmt.Sprint(now); a != b {
				all = append(all, fmt.Sprintf("%s: %s: %s -> %s", f.Column, what, brief(a), brief(b)))
			}
		}
		say("type", old.TypeName, now.TypeName)
		say("length", old.MaxLength, now.MaxLength)
		say("least", old.Min, now.Min)
		say("greatest", old.Max, now.Max)
		say("digits after the point", old.Precision, now.Precision)
		say("options", options(old), options(now))
	}
	return all
}

func options(c *dataverse.Column) string {
	all := make([]string, len(c.Options))
	for i, o := range c.Options {
		all[i] = fmt.Sprintf("%d %s", o.Value, o.Label)
	}
	return strings.Join(all, ", ")
}
