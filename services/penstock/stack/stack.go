// Package stack runs everything in one process: an embedded NATS server, ClickHouse and Dataverse where no others are
// named, and every service. It changes addresses, never wiring: the services run as they do in production, and speak to
// all of it over sockets.
package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penstock-sync/penstock/pkg/clickhouse/chdb"
	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/admin"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/faults"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/services/deadletter"
	"github.com/penstock-sync/penstock/services/extractor"
	"github.com/penstock-sync/penstock/services/writer"
)

// Config says where things are kept and what is not embedded.
type Config struct {
	Dir        string          // data of NATS and ClickHouse
	NATS       string          // listen address of the embedded server, or the URL of another (nats://…)
	ClickHouse string          // DSN of a server; empty: embedded
	Dataverse  string          // listen address of the emulator
	Database   string          // Penstock's own, in ClickHouse
	Timing     penstock.Timing // of everything
	Emulator   *emulator.Server

	Identities sealed.Identities // open the secrets that are sealed
}

// Addresses is where things turned out to be.
type Addresses struct {
	NATS       string // URL
	ClickHouse string // DSN
	Dataverse  string // root of the emulator's Web API
}

// Run starts everything, calls ready with the addresses once the services answer, and runs until ctx ends or ready
// returns. An error of ready, or of any part, ends all of it.
func Run(ctx context.Context, env daemon.Env, cfg Config, ready func(context.Context, Addresses) error) (err error) {
	at := Addresses{NATS: cfg.NATS, ClickHouse: cfg.ClickHouse}
	if _, _, hostPort := net.SplitHostPort(cfg.NATS); hostPort == nil {
		server, err := startNATS(cfg.NATS, filepath.Join(cfg.Dir, "nats"))
		if err != nil {
			return err
		}
		defer stopNATS(server)
		at.NATS = server.ClientURL()
	}
	embedded := make(<-chan struct{}) // closed when the embedded ClickHouse has ended
	if cfg.ClickHouse == "" {
		server, err := chdb.Start(ctx, chdb.Config{Dir: filepath.Join(cfg.Dir, "clickhouse"), Log: env.Log})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, server.Close()) }()
		at.ClickHouse, embedded = server.DSN(), server.Done()
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cfg.Dataverse)
	if err != nil {
		return fmt.Errorf("emulator: %w; choose another address by --dataverse", err)
	}
	dataverse := &http.Server{Handler: admin.New(cfg.Emulator, faults.New(cfg.Emulator), ctx.Done()), ReadHeaderTimeout: 10 * time.Second}
	at.Dataverse = "http://" + listener.Addr().String() + "/api/data/v9.2/"

	x, w, d := extractor.DefaultConfig(), writer.DefaultConfig(), deadletter.DefaultConfig()
	x.Queue.URL, w.Queue.URL, d.Queue.URL = at.NATS, at.NATS, at.NATS
	x.ClickHouse.DSN, d.ClickHouse.DSN = at.ClickHouse, at.ClickHouse
	x.Database, d.Database = cfg.Database, cfg.Database
	x.Timing, w.Timing, d.Timing = cfg.Timing, cfg.Timing, cfg.Timing
	x.Identities, w.Identities = cfg.Identities, cfg.Identities

	// Two groups, since the services need what they speak to until they have stopped; but when that ends, so do they.
	running, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var servers errgroup.Group
	servers.Go(func() error {
		err := dataverse.Serve(listener)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		stop(errEnded)
		return fmt.Errorf("emulator: %w", err)
	})
	defer func() { err = errors.Join(err, dataverse.Close(), servers.Wait()) }()

	services, running := errgroup.WithContext(running)
	services.Go(func() error { return extractor.Run(running, env, x) })
	services.Go(func() error { return writer.Run(running, env, w) })
	services.Go(func() error { return deadletter.Run(running, env, d) })
	services.Go(func() error {
		select {
		case <-embedded:
			return errors.New("clickhouse: the embedded server has ended")
		case <-running.Done():
			return nil
		}
	})
	services.Go(func() error {
		defer stop(errDone)
		if err := answering(running, at.NATS); err != nil {
			return err
		}
		return ready(running, at)
	})
	err = services.Wait()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // asked to stop
	}
	return err
}

// Why the services are told to stop, other than by the caller.
var (
	errDone  = errors.New("done")
	errEnded = errors.New("a server that the services need has ended")
)
