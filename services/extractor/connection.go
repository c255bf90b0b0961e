package extractor

import (
	"context"
	"time"

	"github.com/penstock-sync/penstock/pkg/connection"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/queue"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// testLimit is how long a connection test may take: a little less than the call that asks for it.
const testLimit = 50 * time.Second

// answerTestConnection tests an environment as it was last applied, from where this process stands.
func (x *extractor) answerTestConnection(ctx context.Context, r *penstockv1.TestConnectionRequest) (*penstockv1.TestConnectionResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, testLimit)
	defer cancel()
	in, err := x.chosen(ctx, r.GetEnvironment(), r.GetSync(), r.GetUser())
	if err != nil {
		return nil, err
	}
	in.Model, in.Identities = x.sources, x.cfg.Identities
	return connection.Test(ctx, in).Message(), nil
}

// chosen looks up an environment as it was last applied, with its syncs; sync and user choose one of each, unless empty.
func (x *extractor) chosen(ctx context.Context, environment, sync, user string) (connection.Input, error) {
	applied, unread, err := x.allApplied(ctx)
	if err != nil {
		return connection.Input{}, err
	}
	for name, fault := range unread {
		id, _ := queue.SyncOfSpec(name)
		if name == queue.SpecOfEnvironment(environment) || id.Environment == environment && (sync == "" || id.Name == sync) {
			return connection.Input{}, fault
		}
	}
	in, err := connection.Select(applied.Environments, applied.Syncs, environment, sync, user)
	if err != nil {
		return in, control.Refuse("not_found", "%s; what is applied is what can be looked at, or use --folder", err)
	}
	return in, nil
}
