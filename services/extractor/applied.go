package extractor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
	"github.com/penstock-sync/penstock/services/extractor/specs"
)

// A target is a sync with the environment that it writes to.
type target struct {
	sync        spec.Sync
	version     uint64 // of the sync
	environment spec.Environment
}

// applied looks up a sync as it was last applied. One that is not known is refused, with those that are.
func (x *extractor) applied(ctx context.Context, id penstock.SyncID) (target, error) {
	values, err := x.queue.Specs(ctx)
	if err != nil {
		return target{}, fmt.Errorf("look up %s: %w", id, err)
	}
	var t target
	var known []string
	for _, v := range values {
		switch {
		case v.Name == queue.SpecOfSync(id):
			t.sync, t.version, err = decodeStored[spec.Sync](v)
		case v.Name == queue.SpecOfEnvironment(id.Environment):
			t.environment, _, err = decodeStored[spec.Environment](v)
		case strings.HasPrefix(v.Name, "sync."):
			known = append(known, strings.Replace(strings.TrimPrefix(v.Name, "sync."), ".", "/", 1))
		}
		if err != nil {
			return target{}, err
		}
	}
	switch {
	case t.sync.Name == "":
		if err := x.removed(ctx, id); err != nil {
			return target{}, err
		}
		slices.Sort(known)
		return target{}, control.Refuse("not_found", "there is no sync %s; applied are: %s. `penstock apply DIR` applies more", id, strings.Join(known, ", "))
	case t.environment.Name == "":
		return target{}, control.Refuse("not_found", "sync %s writes to environment %s, which is not applied; `penstock apply DIR` with its file", id, id.Environment)
	}
	return t, nil
}

// removed refuses a sync that was applied once, with who removed it and why. Of one that never was, it says nothing.
func (x *extractor) removed(ctx context.Context, id penstock.SyncID) error {
	if id.Environment == "" || id.Name == "" {
		return nil
	}
	steps, err := x.specs.History(ctx, id, 1)
	if err != nil || len(steps) == 0 || !steps[0].Removed {
		return err
	}
	v := steps[0]
	why := ""
	if v.Reason != "" {
		why = ": " + v.Reason
	}
	return control.Refuse("not_found", "sync %s was removed by %s on %s%s. `penstock rollback %s` brings it back",
		id, v.By, v.At.UTC().Format("2006-01-02 15:04 MST"), why, id)
}

// allApplied reads everything that is applied. What cannot be read, since another version of Penstock stored it, is named in
// unread: it stands in the way of itself alone.
func (x *extractor) allApplied(ctx context.Context) (f spec.Folder, unread map[string]error, err error) {
	values, err := x.queue.Specs(ctx)
	if err != nil {
		return f, nil, err
	}
	unread = map[string]error{}
	for _, v := range values {
		var d any
		if _, ok := queue.EnvironmentOfSpec(v.Name); ok {
			d, _, err = decodeStored[spec.Environment](v)
		} else {
			d, _, err = decodeStored[spec.Sync](v)
		}
		if err != nil {
			unread[v.Name] = control.Refuse("unavailable", "%s", err)
			continue
		}
		f = with(f, d)
	}
	return f, unread, nil
}

func decodeStored[T any](v queue.Value) (document T, version uint64, err error) {
	var s struct {
		Version uint64 `json:"version"`
		Spec    T      `json:"spec"`
	}
	if err := json.Unmarshal(v.Data, &s); err != nil {
		return s.Spec, 0, fmt.Errorf("what is stored of %s cannot be read: %w; apply its files again", label(v.Name), err)
	}
	return s.Spec, s.Version, nil
}

// live reads everything that is applied, environments and syncs by name. What cannot be read is left out: to apply it again
// mends it.
func live(now specs.Catalogue) (f spec.Folder) {
	for _, name := range slices.Sorted(maps.Keys(now)) {
		v := now[name]
		if v.Removed {
			continue
		}
		if d, err := open(v); err == nil {
			f = with(f, d)
		}
	}
	return f
}

// open reads the document of a version: a spec.Environment or a spec.Sync. Its place is no file any more, but a version.
func open(v specs.Version) (any, error) {
	at := document.Position{File: fmt.Sprintf("%s, version %d", label(v.Name), v.Number)}
	if _, ok := queue.EnvironmentOfSpec(v.Name); ok {
		e, err := decodeSpec[spec.Environment](v.Spec)
		e.At = at
		return e, err
	}
	s, err := decodeSpec[spec.Sync](v.Spec)
	s.At = at
	for i := range s.Map {
		s.Map[i].At = at
	}
	return s, err
}

func decodeSpec[T any](data []byte) (v T, err error) {
	err = json.Unmarshal(data, &v)
	return v, err
}

// label is how people call what is stored under a name: an environment as itself, a sync as production/contacts.
func label(name string) string {
	if id, ok := queue.SyncOfSpec(name); ok {
		return id.String()
	}
	environment, _ := queue.EnvironmentOfSpec(name)
	return environment
}
