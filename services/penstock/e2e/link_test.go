package e2e

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// A link is a way to a server that can be cut, mended, led elsewhere, and listened to. Its own address stays.
type link struct {
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	target string // host:port; empty while the link is cut
	ends   map[net.Conn]bool
	turned int    // connections turned away
	hold   []byte // what holds up a connection when a client says it
	held   chan struct{}
}

func newLink(t testing.TB, target string) *link {
	l := &link{listener: must[net.Listener](t)((&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")), target: target, ends: map[net.Conn]bool{}, held: make(chan struct{})}
	l.running.Go(l.accept)
	t.Cleanup(func() {
		_ = l.listener.Close() // fails only where it is closed
		l.cut()
		l.running.Wait()
	})
	return l
}

func (l *link) address() string { return l.listener.Addr().String() }

// cut ends all connections; new ones are closed as soon as they are made.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target = ""
	for c := range l.ends {
		_ = c.Close()
	}
}

// mend leads new connections to target.
func (l *link) mend(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.target = target
}

// turnedAway is how many connections were tried while the link was cut.
func (l *link) turnedAway() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.turned
}

// holdAt lets nothing more through once a client has said text, and closes the channel then. It works once.
func (l *link) holdAt(text string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hold = []byte(text)
	return l.held
}

func (l *link) accept() {
	for {
		client, err := l.listener.Accept()
		if err != nil {
			return
		}
		l.mu.Lock()
		target := l.target
		if target == "" {
			l.turned++
		}
		l.mu.Unlock()
		if target == "" {
			_ = client.Close()
			continue
		}
		server, err := net.Dial("tcp", target) //nolint:noctx // to a server on this machine
		if err != nil {
			_ = client.Close()
			continue
		}
		l.mu.Lock()
		l.ends[client], l.ends[server] = true, true
		l.mu.Unlock()
		l.running.Go(func() { l.pass(client, server, l.heard) })
		l.running.Go(func() { l.pass(server, client, func([]byte) bool { return false }) })
	}
}

// pass carries what from says to to, until either is gone or holding says that enough was said.
func (l *link) pass(from, to net.Conn, holding func([]byte) bool) {
	defer func() {
		_, _ = from.Close(), to.Close()
		l.mu.Lock()
		delete(l.ends, from)
		delete(l.ends, to)
		l.mu.Unlock()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if holding(buffer[:n]) {
				_, _ = io.Copy(io.Discard, from) // to the other side the line is silent
				return
			}
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (l *link) heard(data []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.hold) == 0 || !bytes.Contains(data, l.hold) {
		return false
	}
	select {
	case <-l.held:
	default:
		close(l.held)
	}
	return true
}
