package specs

import (
	"context"

	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
)

// A Step is a version, and the one before it; nil of the first.
type Step struct {
	Version
	Before *Version
}

// History reads the newest versions, newest first, all of them where limit is 0. Without a name, those of the environment
// and of all its syncs; without an environment, all. They come from ClickHouse alone, which no loss of JetStream touches.
func (s *Store) History(ctx context.Context, of penstock.SyncID, limit int) ([]Step, error) {
	var choice ledger.SpecChoice
	switch {
	case of.Name != "":
		choice.Name = queue.SpecOfSync(of)
	case of.Environment != "":
		choice.Name, choice.Prefix = queue.SpecOfEnvironment(of.Environment), queue.SpecOfSync(of) // which ends in a dot
	}
	return s.steps(ctx, choice, limit)
}

// Versions reads all versions of one name, newest first.
func (s *Store) Versions(ctx context.Context, name string) ([]Step, error) {
	return s.steps(ctx, ledger.SpecChoice{Name: name}, 0)
}

func (s *Store) steps(ctx context.Context, of ledger.SpecChoice, limit int) ([]Step, error) {
	kept, err := s.Ledger.SpecVersions(ctx, of, limit)
	if err != nil {
		return nil, err
	}
	steps := make([]Step, len(kept))
	for i, k := range kept {
		v, err := decode(k.Name, []byte(k.Document))
		if err != nil {
			return nil, err
		}
		v.At = k.At // versions of an older Penstock do not say it themselves
		steps[i].Version = v
		if k.Before != "" {
			before, err := decode(k.Name, []byte(k.Before))
			if err != nil {
				return nil, err
			}
			steps[i].Before = &before
		}
	}
	return steps, nil
}
