package extractor

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
	"github.com/penstock-sync/penstock/services/extractor/specs"
)

// A proposal is what somebody wants to be applied.
type proposal struct {
	folder spec.Folder
	prune  bool     // remove what the folder's environments have, and the folder has not
	drop   []string // environments to remove, with their syncs
}

// A change is what becomes of one environment or sync.
type change struct {
	name        string // as it is stored
	before      specs.Version
	document    any             // what it is then: a spec.Environment or a spec.Sync; nil of a removed one
	spec        json.RawMessage // the same as it is stored; of a removed one, what it said
	differences []spec.Difference
	same        bool
}

// changes compares a proposal with what is applied, and names what is applied to the folder's environments beside it.
func (p proposal) changes(now specs.Catalogue) (changes []change, absent []string, err error) {
	for _, e := range p.folder.Environments {
		c, err := compare(now, queue.SpecOfEnvironment(e.Name), e)
		if err != nil {
			return nil, nil, err
		}
		changes = append(changes, c)
	}
	for _, s := range p.folder.Syncs {
		c, err := compare(now, queue.SpecOfSync(s.ID()), s)
		if err != nil {
			return nil, nil, err
		}
		changes = append(changes, c)
	}
	applied := live(now)
	for _, name := range p.drop {
		if _, ok := p.folder.Environment(name); ok {
			return nil, nil, control.Refuse("bad_request", "environment %s is in the folder; take its file out before it is dropped", name)
		}
		if _, ok := applied.Environment(name); !ok {
			var names []string
			for _, e := range applied.Environments {
				names = append(names, e.Name)
			}
			return nil, nil, control.Refuse("not_found", "environment %s is not applied, so it cannot be dropped; %s", name, document.DidYouMean(name, names))
		}
		changes = append(changes, removal(now, queue.SpecOfEnvironment(name)))
	}
	for _, s := range applied.Syncs {
		name := queue.SpecOfSync(s.ID())
		_, ours := p.folder.Environment(s.To.Environment)
		switch {
		case slices.ContainsFunc(changes, func(c change) bool { return c.name == name }):
		case slices.Contains(p.drop, s.To.Environment), ours && p.prune:
			changes = append(changes, removal(now, name))
		case ours:
			absent = append(absent, label(name))
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return strings.Compare(a.name, b.name) }) // environments first
	return changes, absent, nil
}

func removal(now specs.Catalogue, name string) change {
	return change{name: name, before: now[name], spec: now[name].Spec}
}

// compare tells how a document differs from what is applied under its name.
func compare(now specs.Catalogue, name string, document any) (c change, err error) {
	c = change{name: name, before: now[name], document: document}
	if c.spec, err = json.Marshal(document); err != nil {
		return c, fmt.Errorf("compare %s: %w", label(name), err)
	}
	old := today(name, c.before.Spec)
	c.same = c.before.Number > 0 && !c.before.Removed && bytes.Equal(old, c.spec)
	c.differences, err = spec.Diff(old, c.spec)
	return c, err
}

// today writes a stored document as this Penstock would: settings that came since have their defaults. What it cannot read
// stays as it is.
func today(name string, stored json.RawMessage) json.RawMessage {
	if _, ok := queue.EnvironmentOfSpec(name); ok {
		return again[spec.Environment](stored)
	}
	return again[spec.Sync](stored)
}

func again[T any](stored json.RawMessage) json.RawMessage {
	v, err := decodeSpec[T](stored)
	if err != nil {
		return stored
	}
	data, err := json.Marshal(v)
	if err != nil {
		return stored
	}
	return data
}

// folders is everything that is applied, before the changes and after them. What they leave alone comes first: where two
// do not agree, the one that changes is at fault.
func folders(now specs.Catalogue, changes []change) (before, after spec.Folder) {
	rest := maps.Clone(now)
	for _, c := range changes {
		delete(rest, c.name)
	}
	before, after = live(rest), live(rest)
	for _, c := range changes {
		if c.before.Number > 0 && !c.before.Removed {
			if d, err := open(c.before); err == nil {
				before = with(before, d)
			}
		}
		after = with(after, c.document)
	}
	return before, after
}

// with adds an environment or a sync to a folder; nil adds nothing.
func with(f spec.Folder, document any) spec.Folder {
	switch d := document.(type) {
	case spec.Environment:
		f.Environments = append(f.Environments, d)
	case spec.Sync:
		f.Syncs = append(f.Syncs, d)
	}
	return f
}

// versions are the changes that have to be stored.
func versions(changes []change, unchecked bool) (next []specs.Version) {
	for _, c := range changes {
		if !c.same {
			next = append(next, specs.Version{Name: c.name, Spec: c.spec, Removed: c.document == nil, Unchecked: unchecked})
		}
	}
	return next
}

// unseen refuses to change what is not at the version that somebody saw who wants it changed.
func unseen(now specs.Catalogue, seen []*penstockv1.SpecVersion) error {
	byLabel := map[string]specs.Version{}
	for name, v := range now {
		byLabel[label(name)] = v
	}
	for _, s := range seen {
		v := byLabel[s.GetName()]
		if v.Number == s.GetVersion() {
			continue
		}
		return control.Refuse("conflict", "%s was changed by %s at %s, after the difference was shown: it is at version %d, not %d. Nothing was stored; look at the difference again",
			s.GetName(), v.By, v.At.UTC().Format("15:04:05 MST"), v.Number, s.GetVersion())
	}
	return nil
}

// message says what a change is, as people and programs read it.
func (c change) message() *penstockv1.SpecChange {
	m := &penstockv1.SpecChange{Name: label(c.name), Kind: "changed", From: c.before.Number, To: c.before.Number + 1, Differences: differences(c.differences)}
	switch {
	case c.same:
		m.Kind, m.To = "unchanged", c.before.Number
	case c.document == nil:
		m.Kind = "removed"
	case c.before.Removed:
		m.Kind = "restored"
	case c.before.Number == 0:
		m.Kind = "added"
	}
	return m
}

// mostLines is how many lines of a text a difference carries: an answer has to fit into a message.
const mostLines = 2000

func differences(found []spec.Difference) []*penstockv1.Difference {
	list := make([]*penstockv1.Difference, len(found))
	for i, d := range found {
		lines := d.Lines
		if len(lines) > mostLines {
			lines = append(slices.Clone(lines[:mostLines]), fmt.Sprintf("… %d lines more of this difference", len(lines)-mostLines))
		}
		list[i] = &penstockv1.Difference{Path: d.Path, Old: d.Old, New: d.New, Lines: lines}
	}
	return list
}

// mostPaths is how many places a summary names.
const mostPaths = 4

// summary says in a line what a version changed.
func summary(s specs.Step) string {
	switch {
	case s.Removed:
		return "removed"
	case s.Before == nil:
		return "first version"
	}
	found, err := spec.Diff(today(s.Name, s.Before.Spec), today(s.Name, s.Spec))
	if err != nil {
		return "" // one of them was stored by who knows whom; `penstock diff` says more
	}
	var paths []string
	if s.Before.Removed {
		paths = append(paths, "brought back")
	}
	for i, d := range found {
		if i == mostPaths {
			paths = append(paths, fmt.Sprintf("and %d more", len(found)-i))
			break
		}
		paths = append(paths, d.Path)
	}
	return strings.Join(paths, ", ")
}
