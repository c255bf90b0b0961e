package spec

import (
	"slices"

	"github.com/penstock-sync/penstock/pkg/document"
)

// fixed is what makes a sync the same one in each of its environments.
var fixed = map[string]string{ //nolint:gochecknoglobals // constant table
	"sync":           "it is the same sync in each environment, under one name",
	"to.environment": "the overlay's own name says which environment it is about",
	"overlays":       "an overlay has none of its own",
}

// A version is a file as one of its environments has it.
type version struct {
	environment string
	root        document.Node // the file itself, or that with the environment's overlay laid over it
	overlay     document.Node // nil where there is none
}

// syncs reads a file, and gives each environment a sync of its own.
func (r *reader) syncs(root document.Node) []Sync {
	plain := r.another()
	s, environments, overlays := plain.sync(root)
	if len(environments) == 0 {
		environments = []string{""}
	}
	syncs := make([]Sync, len(environments))
	for i, v := range r.versions(root, environments, overlays) {
		syncs[i] = s
		own := plain
		if v.overlay != nil {
			own = r.another()
			syncs[i], _, _ = own.sync(v.root)
			syncs[i].At = s.At
		}
		syncs[i].To.Environment = v.environment
		r.collect(own, plain, v.overlay)
	}
	return syncs
}

// another reads the same file, with problems of its own.
func (r *reader) another() *reader {
	return &reader{Reader: &document.Reader{File: r.File, Forms: r.Forms}, query: r.query}
}

// versions lays the overlays over the file.
func (r *reader) versions(root document.Node, environments []string, overlays document.Node) []version {
	over := map[string]document.Node{}
	if overlays != nil {
		for _, e := range r.Entries(overlays, "overlays") {
			switch {
			case !slices.Contains(environments, e.Name):
				mend := "name it there too, or drop the overlay"
				if near := document.Nearest(e.Name, environments); near != "" {
					mend = "did you mean " + near + "?"
				}
				r.Problem(e.Key, mend, "overlays.%s: to.environment does not name %s", e.Name, e.Name)
			case !document.IsMapping(e.Value):
				r.Problem(e.Value, "write what is different there, as in the sync itself: "+e.Name+": {to: {mode: update}}", "overlays.%s must be a mapping", e.Name)
			default:
				over[e.Name] = e.Value
			}
		}
	}
	all := make([]version, len(environments))
	for i, name := range environments {
		all[i] = version{name, root, over[name]}
		if all[i].overlay != nil {
			all[i].root = r.Merge(root, all[i].overlay, "overlays."+name, fixed)
		}
	}
	return all
}

// collect takes over the problems that one version of the file has. What a mapping of the plain file lacks or has too much is
// said once, at its place there and not in each overlay; what every overlay mends is no problem.
func (r *reader) collect(own, plain *reader, overlay document.Node) {
	mappings := map[document.Position]bool{}
	if overlay != nil {
		r.mappings(overlay, mappings)
	}
	for _, p := range own.Problems {
		if i := slices.IndexFunc(plain.Problems, func(q document.Problem) bool { return q.What == p.What }); i >= 0 && mappings[p.Position] {
			p = plain.Problems[i]
		}
		if !slices.Contains(r.Problems, p) {
			r.Problems = append(r.Problems, p)
		}
	}
}

// mappings notes where the mappings of a tree begin.
func (r *reader) mappings(n document.Node, into map[document.Position]bool) {
	into[r.At(n)] = true
	pairs, _ := newReader(r.File).Pairs(n, "")
	for _, e := range pairs {
		if document.IsMapping(e.Value) {
			r.mappings(e.Value, into)
		}
	}
}
