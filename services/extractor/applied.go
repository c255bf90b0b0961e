package extractor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A stored document is what apply keeps of an environment or a sync.
type stored[T any] struct {
	Version uint64 `json:"version"`
	By      string `json:"by,omitempty"`
	Spec    T      `json:"spec"`
}

// A target is a sync with the environment that it writes to.
type target struct {
	sync        spec.Sync
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
			t.sync, err = decodeStored[spec.Sync](v)
		case v.Name == queue.SpecOfEnvironment(id.Environment):
			t.environment, err = decodeStored[spec.Environment](v)
		case strings.HasPrefix(v.Name, "sync."):
			known = append(known, strings.Replace(strings.TrimPrefix(v.Name, "sync."), ".", "/", 1))
		}
		if err != nil {
			return target{}, err
		}
	}
	switch {
	case t.sync.Name == "":
		slices.Sort(known)
		return target{}, control.Refuse("not_found", "there is no sync %s; applied are: %s. `penstock apply DIR` applies more", id, strings.Join(known, ", "))
	case t.environment.Name == "":
		return target{}, control.Refuse("not_found", "sync %s writes to environment %s, which is not applied; `penstock apply DIR` with its file", id, id.Environment)
	}
	return t, nil
}

func decodeStored[T any](v queue.Value) (T, error) {
	var s stored[T]
	if err := json.Unmarshal(v.Data, &s); err != nil {
		return s.Spec, fmt.Errorf("stored %s cannot be read: %w; apply it again", v.Name, err)
	}
	return s.Spec, nil
}

// store keeps a document as its next version, or leaves it when it is the same as what is stored.
func store[T any](ctx context.Context, x *extractor, name string, document T, by string) (version uint64, changed bool, err error) {
	for {
		var old stored[T]
		var revision uint64
		values, err := x.queue.Specs(ctx)
		if err != nil {
			return 0, false, fmt.Errorf("apply %s: %w", name, err)
		}
		for _, v := range values {
			if v.Name == name {
				if err := json.Unmarshal(v.Data, &old); err != nil {
					return 0, false, fmt.Errorf("apply %s over what cannot be read: %w", name, err)
				}
				revision = v.Revision
			}
		}
		was, err := json.Marshal(old.Spec)
		if err != nil {
			return 0, false, fmt.Errorf("apply %s: %w", name, err)
		}
		is, err := json.Marshal(document)
		if err != nil {
			return 0, false, fmt.Errorf("apply %s: %w", name, err)
		}
		if revision > 0 && string(was) == string(is) {
			// stored once more where an earlier apply could not: the table takes a version twice
			return old.Version, false, mirror(ctx, x, name, old)
		}
		next := stored[T]{Version: old.Version + 1, By: by, Spec: document}
		data, err := json.Marshal(next)
		if err != nil {
			return 0, false, fmt.Errorf("apply %s: %w", name, err)
		}
		_, err = x.queue.PutSpec(ctx, name, data, revision)
		if errors.Is(err, queue.ErrConflict) {
			continue // somebody else applied it just now
		}
		if err != nil {
			return 0, false, fmt.Errorf("apply %s: %w", name, err)
		}
		return next.Version, true, mirror(ctx, x, name, next)
	}
}

// mirror keeps a stored document in ClickHouse too, so that it survives the loss of JetStream.
func mirror[T any](ctx context.Context, x *extractor, name string, s stored[T]) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("mirror %s: %w", name, err)
	}
	return x.ledger.SaveSpec(ctx, name, s.Version, data, s.By)
}
