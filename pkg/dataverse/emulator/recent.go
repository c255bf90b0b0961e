package emulator

import (
	"net/http"
	"sync"
	"time"
)

// remembered is how many requests Recent returns at most.
const remembered = 200

// An Exchange is one request that was answered, without what was in it.
type Exchange struct {
	Time       time.Time
	Method     string
	Path       string        // without the query
	Status     int           // 0: the connection was cut, or the client had gone
	Operations int           // of a batch; 1 otherwise
	Duration   time.Duration // by the clock on the wall
	User       string        // client id of the app; empty before anybody was recognised
	Server     int           // web server, from 0
}

// Recent returns the last requests to the token endpoint and the Web API, newest first, 200 at most.
func (s *Server) Recent() []Exchange { return s.recent.list() }

// A recorder is the ResponseWriter of one request, and what is remembered of it.
type recorder struct {
	http.ResponseWriter
	Exchange
}

func record(w http.ResponseWriter, r *http.Request) *recorder {
	return &recorder{w, Exchange{Time: time.Now(), Method: r.Method, Path: r.URL.Path, Operations: 1}}
}

// WriteHeader notes the status.
func (w *recorder) WriteHeader(status int) {
	w.Status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write is a 200 where no status was written.
func (w *recorder) Write(b []byte) (int, error) {
	if w.Status == 0 {
		w.Status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// exchanges are the last requests, in a ring.
type exchanges struct {
	mu    sync.Mutex
	ring  [remembered]Exchange
	count int
}

func (x *exchanges) add(w *recorder) {
	w.Duration = time.Since(w.Time)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ring[x.count%remembered] = w.Exchange
	x.count++
}

func (x *exchanges) list() []Exchange {
	x.mu.Lock()
	defer x.mu.Unlock()
	last := make([]Exchange, 0, min(x.count, remembered))
	for i := range cap(last) {
		last = append(last, x.ring[(x.count-1-i)%remembered])
	}
	return last
}

func (x *exchanges) reset() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.count = 0
}
