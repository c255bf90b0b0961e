package limit

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync/atomic"
)

// Affinity is the name of the cookie that pins a client to one web server.
const Affinity = "ARRAffinity"

// Servers are the web servers of an environment, behind one load balancer. They have their quotas apart, and everything else in common.
type Servers struct {
	cookies []string
	next    atomic.Uint64
}

// NewServers returns count servers, at least one.
func NewServers(count int) *Servers {
	s := &Servers{cookies: make([]string, max(count, 1))}
	for i := range s.cookies {
		sum := sha256.Sum256([]byte("web server " + strconv.Itoa(i)))
		s.cookies[i] = hex.EncodeToString(sum[:])
	}
	return s
}

// Count is the number of servers.
func (s *Servers) Count() int { return len(s.cookies) }

// Cookie is the affinity cookie's value for a server, from 0.
func (s *Servers) Cookie(server int) string { return s.cookies[server] }

// Route chooses the server that answers: the one that the affinity cookie's value names, else one after the other.
func (s *Servers) Route(affinity string) int {
	for i, c := range s.cookies {
		if c == affinity {
			return i
		}
	}
	if len(s.cookies) == 1 {
		return 0
	}
	return int((s.next.Add(1) - 1) % uint64(len(s.cookies)))
}
