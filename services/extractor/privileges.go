package extractor

import (
	"context"

	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/privilege"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// answerPrivileges says what the applied syncs of an environment need of a security role, and what application users hold.
func (x *extractor) answerPrivileges(ctx context.Context, r *penstockv1.PrivilegesRequest) (*penstockv1.PrivilegesResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, testLimit)
	defer cancel()
	in, err := x.chosen(ctx, r.GetEnvironment(), "", r.GetUser())
	if err != nil {
		return nil, err
	}
	report, err := privilege.Look(ctx, privilege.Input{Environment: in.Environment, Syncs: in.Syncs, Identities: x.cfg.Identities})
	if err != nil {
		return nil, control.Refuse("unavailable", "%s; `penstock test-connection %s` says step by step what is in the way", err, r.GetEnvironment())
	}
	return report.Message(), nil
}
