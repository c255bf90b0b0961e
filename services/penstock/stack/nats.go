package stack

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/penstock-sync/penstock/pkg/control"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// startNATS runs a NATS server with JetStream on files below dir. What it has acked is on disk: by default JetStream
// syncs every two minutes, and loses what came since when the machine stops.
func startNATS(listen, dir string) (*server.Server, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("nats: %q is no listen address: %w", listen, err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, fmt.Errorf("nats: %q is no listen address: %w", listen, err)
	}
	if number == 0 {
		number = server.RANDOM_PORT
	} else if err := free(listen); err != nil {
		return nil, fmt.Errorf("nats: %w; choose another address by --nats, or name the server that runs there (--nats nats://%s)", err, listen)
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "penstock", Host: host, Port: number,
		JetStream: true, StoreDir: dir, SyncAlways: true,
		// what the streams reserve, whatever the disk has free now: they fill only when something downstream stands still
		JetStreamMaxStore: 16 << 30,
		NoLog:             true, NoSigs: true,
	})
	if err != nil {
		return nil, fmt.Errorf("nats: %w", err)
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		s.Shutdown()
		return nil, fmt.Errorf("nats: the embedded server on %s did not come up; is %s writable?", listen, dir)
	}
	return s, nil
}

// free makes sure that nobody listens there: the embedded server would end the process.
func free(listen string) error {
	l, err := net.Listen("tcp", listen) //nolint:noctx // it returns at once
	if err != nil {
		return err
	}
	return l.Close()
}

func stopNATS(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// answering waits until the services answer control calls.
func answering(ctx context.Context, url string) error {
	conn, err := nats.Connect(url, nats.Name("penstock all-in-one"))
	if err != nil {
		return fmt.Errorf("nats: connect to %s: %w", url, err)
	}
	defer conn.Close()
	for {
		err := control.Call(ctx, conn, control.Runs, &penstockv1.RunsRequest{Limit: 1}, &penstockv1.RunsResponse{})
		if err == nil {
			err = control.Call(ctx, conn, control.DeadLetters, &penstockv1.DeadLettersRequest{Class: "none"}, &penstockv1.DeadLettersResponse{})
		}
		if err == nil {
			return nil
		}
		timer := time.NewTimer(50 * time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}
