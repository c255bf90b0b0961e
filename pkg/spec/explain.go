package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A Setting is one thing that a sync says, or that holds because it does not.
type Setting struct {
	Path  string `json:"path"`            // as to.mode, guards.shrink or map.firstname
	Value string `json:"value"`           // on one line, as people write it
	From  string `json:"from"`            // the file and line that say so, and the overlay that they are in; or "default"
	Means string `json:"means,omitempty"` // what it does, where the word does not say it
}

// Explain says all of a sync, with the defaults filled in, and where each comes from. The error names the syncs that there
// are, where this is none of them.
func (f Folder) Explain(id penstock.SyncID) ([]Setting, error) {
	i := slices.IndexFunc(f.Syncs, func(s Sync) bool { return s.ID() == id })
	if i < 0 {
		var known []string
		for _, s := range f.Syncs {
			known = append(known, s.String())
		}
		return nil, fmt.Errorf("there is no sync %s: %s", id, document.DidYouMean(id.String(), known))
	}
	s := f.Syncs[i]
	o, err := f.provenance(s)
	if err != nil {
		return nil, err
	}
	stored, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	all, err := places(stored)
	if err != nil {
		return nil, err
	}
	var settings []Setting
	for _, p := range all {
		section, key, _ := strings.Cut(p.path, ".")
		if section == "map" {
			p.value = filled(p.value)
		}
		setting := Setting{Path: p.path, Value: flow(key, p.value), From: o.of(p.path, p.value), Means: s.means(p.path)}
		switch p.path {
		case "from.query":
			continue // the text of the file
		case "from.file":
			setting.Path, setting.From = section+".query", o.of("from.query", nil)
		case "to.match":
			setting.Path = "to.match.key"
		}
		settings = append(settings, setting)
	}
	return settings, nil
}

// filled adds to what fills a column the defaults that can matter to it.
func filled(value any) any {
	field, ok := value.(object)
	if !ok || has(field, "const") {
		return value
	}
	field = slices.Clone(field)
	for i, m := range field {
		if m.name == "to_from" {
			field[i] = member{"to", object{{"from", m.value}}}
		}
	}
	if !has(field, "null") {
		field = append(field, member{"null", string(NullWrite)})
	}
	if !has(field, "empty") && !has(field, "by") {
		field = append(field, member{"empty", string(EmptyWrite)})
	}
	return field
}

// means says what a word of the sync does.
func (s Sync) means(path string) string {
	switch path {
	case "to.mode":
		switch s.To.Mode {
		case Upsert:
			return "makes records that are not there, and changes those that are"
		case Update:
			return "changes records, and makes none"
		case Create:
			return "makes records, and changes none"
		case Mirror:
			return "makes and changes records, and deals with those whose row left the model"
		}
	case "to.on_leave":
		switch s.To.OnLeave.Action {
		case Nothing:
			return "a record whose row left the model stays as it is"
		case Delete:
			return "a record whose row left the model is deleted"
		case Deactivate:
			return "a record whose row left the model is deactivated"
		case Clear:
			return "of a record whose row left the model these columns are set to null"
		}
	case "after":
		return "these run first, where they run too"
	case "guards.max_deletes":
		return "more leaving rows than this, in a run or in 24 hours, wait for a person"
	case "guards.max_deletes_share":
		return "the same as a share of the records that the sync knows; the smaller of both holds"
	case "guards.shrink":
		return "a model that lost more of its rows than this deletes nothing"
	}
	return ""
}

// A provenance knows where the settings of a sync stand.
type provenance struct {
	r       *reader
	root    document.Node // with the overlay laid over it
	overlay map[ast.Node]bool
	name    string // of the environment
}

// provenance reads the file of a sync again: positions are not kept.
func (f Folder) provenance(s Sync) (provenance, error) {
	i := slices.IndexFunc(f.Documents, func(d Document) bool { return strings.HasSuffix(s.At.File, d.File) })
	if i < 0 {
		return provenance{}, fmt.Errorf("the file of %s is not there", s)
	}
	r := newReader(s.At.File)
	r.query = func(string) (string, error) { return "", errors.New("is not read") }
	root := r.Root(f.Documents[i].Data)
	if root == nil {
		return provenance{}, r.Err()
	}
	_, environments, overlays := r.another().sync(root)
	o := provenance{r: r, root: root, overlay: map[ast.Node]bool{}, name: s.To.Environment}
	for _, v := range r.versions(root, environments, overlays) {
		if v.environment == o.name && v.overlay != nil {
			o.root = v.root
			ast.Walk(visitor(func(n ast.Node) { o.overlay[n] = true }), v.overlay)
		}
	}
	return o, nil
}

// of says where the setting at path stands, and the parts of its value that stand elsewhere or nowhere.
func (o provenance) of(path string, value any) string {
	section, key, inner := strings.Cut(path, ".")
	e, ok := document.Lookup(o.root, section)
	if ok && inner {
		e, ok = document.Lookup(e.Value, key)
	}
	if !ok {
		return "default"
	}
	where := o.at(e.Key)
	parts, _ := written(key, value).(object)
	if !document.IsMapping(e.Value) && len(parts) > 1 {
		parts = parts[1:] // the short form says the first of them
	} else if !document.IsMapping(e.Value) {
		parts = nil
	}
	var others, defaults []string
	for _, p := range parts {
		part, ok := document.Lookup(e.Value, p.name)
		switch {
		case !ok:
			defaults = append(defaults, p.name)
		case o.at(part.Key) != where && (o.overlay[part.Key] != o.overlay[e.Key] || o.overlay[e.Key]):
			others = append(others, p.name+": "+o.at(part.Key))
		}
	}
	if len(defaults) > 0 {
		others = append(others, strings.Join(defaults, ", ")+": default")
	}
	return strings.Join(append([]string{where}, others...), "; ")
}

func (o provenance) at(key document.Node) string {
	p := o.r.At(key)
	where := fmt.Sprintf("%s:%d", p.File, p.Line)
	if o.overlay[key] {
		where += " (overlay of " + o.name + ")"
	}
	return where
}
