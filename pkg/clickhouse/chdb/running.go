package chdb

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// running knows the statements under way, by the query ids that clients gave them.
//
// libchdb has no way to give a statement its id. So each one carries a mark, in a setting that nothing reads without
// ClickHouse's own HTTP server and that system.processes shows, and statements about processes are translated.
type running struct {
	engine *engine

	mu   sync.Mutex
	last int
	ids  map[string]string // query id -> mark
}

func newRunning(e *engine) *running { return &running{engine: e, ids: map[string]string{}} }

// markSetting carries the mark. It is a map, and prints in system.processes as {'penstock':'7'}.
const markSetting = "http_response_headers"

// add enters a statement and returns its mark; a query id serves one statement at a time, as with a server.
func (r *running) add(id string) (mark string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, taken := r.ids[id]; taken {
		return "", raise(queryAlreadyRunning, "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", "Query with id = %s is already running.", id)
	}
	r.last++
	mark = "{'penstock':'" + strconv.Itoa(r.last) + "'}"
	r.ids[id] = mark
	return mark, nil
}

func (r *running) remove(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ids, id)
}

// watch kills the statement with the mark once ctx ends, until done closes. It returns when done has closed.
func (r *running) watch(ctx context.Context, mark string, done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	again := time.NewTicker(50 * time.Millisecond) // the statement may not have got as far as system.processes
	defer again.Stop()
	for {
		if s, err := r.engine.session(); err == nil {
			_ = s.exec("KILL QUERY WHERE Settings['" + markSetting + "'] = " + quote(mark)) // tried again below
			s.close()
		}
		select {
		case <-done:
			return
		case <-again.C:
		}
	}
}

// aboutProcesses finds the statements that can name a query id.
var aboutProcesses = regexp.MustCompile(`(?i)^\s*KILL\s+QUERY\b|\bsystem\s*\.\s*processes\b`)

// translate replaces, in a statement about processes and its parameters, the query ids of clients by those that the
// engine gave.
func (r *running) translate(sql string, params map[string]string) (string, error) {
	if !aboutProcesses.MatchString(sql) {
		return sql, nil
	}
	s, err := r.engine.session()
	if err != nil {
		return "", err
	}
	defer s.close()
	var listing strings.Builder
	err = s.run("SELECT query_id, Settings['"+markSetting+"'] FROM system.processes", "TSVRaw", func(piece []byte) error {
		listing.Write(piece)
		return nil
	})
	if err != nil {
		return "", err
	}
	engineID := map[string]string{} // by mark
	for line := range strings.Lines(listing.String()) {
		if id, mark, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t"); ok {
			engineID[mark] = id
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, mark := range r.ids {
		to, ok := engineID[mark]
		if !ok {
			continue
		}
		sql = strings.ReplaceAll(sql, quote(id), quote(to))
		for name, value := range params {
			if value == id {
				params[name] = to
			}
		}
	}
	return sql, nil
}

var quoted = strings.NewReplacer(`\`, `\\`, `'`, `\'`) //nolint:gochecknoglobals // constant table

// quote returns s as a string literal of ClickHouse.
func quote(s string) string { return "'" + quoted.Replace(s) + "'" }

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// backquote returns s as an identifier of ClickHouse.
func backquote(s string) string {
	return fmt.Sprintf("`%s`", strings.NewReplacer(`\`, `\\`, "`", "\\`").Replace(s))
}
