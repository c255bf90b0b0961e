// Package natstest runs a real NATS server with JetStream inside the test binary.
package natstest

import (
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// starting bounds how long a server may take to accept connections; it takes milliseconds unless the machine is busy.
const starting = 30 * time.Second

// A Server is a NATS server on a loopback port of its own, which stores on a temporary directory and syncs every write.
// It is not for concurrent use.
type Server struct {
	tb      testing.TB
	options *server.Options
	running *server.Server
}

// Start runs a server until the test ends.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{tb: tb, options: &server.Options{
		ServerName:        "natstest",
		Host:              "127.0.0.1",
		Port:              server.RANDOM_PORT,
		NoSigs:            true,
		NoLog:             true,
		JetStream:         true,
		StoreDir:          tb.TempDir(),
		JetStreamMaxStore: 1 << 40, // streams reserve their MaxBytes, however small the disk is
		SyncAlways:        true,
	}}
	s.start()
	s.options.Port = s.running.Addr().(*net.TCPAddr).Port // kept over Restart
	tb.Cleanup(s.Stop)
	return s
}

// URL is where clients connect. It stays the same over Restart.
func (s *Server) URL() string { return s.running.ClientURL() }

// Dir is where JetStream keeps its files.
func (s *Server) Dir() string { return s.options.StoreDir }

// Restart stops the server and starts another on the same port and directory.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	s.start()
}

// Stop ends the server and waits until its port and directory are free. Restart starts it again.
func (s *Server) Stop() {
	s.running.Shutdown()
	s.running.WaitForShutdown()
}

func (s *Server) start() {
	s.tb.Helper()
	options := *s.options // the server fills in its own
	running, err := server.NewServer(&options)
	if err != nil {
		s.tb.Fatalf("natstest: %v", err)
	}
	running.Start()
	s.running = running
	if !running.ReadyForConnections(starting) {
		running.Shutdown()
		s.tb.Fatalf("natstest: the server does not accept connections after %s", starting)
	}
}
