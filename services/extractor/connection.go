package extractor

import (
	"context"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/connection"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/queue"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// testLimit is how long a connection test may take: a little less than the call that asks for it.
const testLimit = 50 * time.Second

// answerTestConnection tests an environment as it was last applied, from where this process stands.
func (x *extractor) answerTestConnection(ctx context.Context, r *penstockv1.TestConnectionRequest) (*penstockv1.TestConnectionResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, testLimit)
	defer cancel()
	values, err := x.queue.Specs(ctx)
	if err != nil {
		return nil, err
	}
	var environments []spec.Environment
	var syncs []spec.Sync
	for _, v := range values {
		switch {
		case strings.HasPrefix(v.Name, queue.SpecOfEnvironment("")):
			e, _, err := decodeStored[spec.Environment](v)
			if err != nil {
				return nil, err
			}
			environments = append(environments, e)
		case strings.HasPrefix(v.Name, "sync."):
			s, _, err := decodeStored[spec.Sync](v)
			if err != nil {
				return nil, err
			}
			syncs = append(syncs, s)
		}
	}
	in, err := connection.Select(environments, syncs, r.GetEnvironment(), r.GetSync(), r.GetUser())
	if err != nil {
		return nil, control.Refuse("not_found", "%s; what is applied is what can be tested, or use --folder", err)
	}
	in.Model, in.Identities = x.sources, x.cfg.Identities
	return connection.Test(ctx, in).Message(), nil
}
