package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/services/deadletter"
	"github.com/penstock-sync/penstock/services/extractor"
	"github.com/penstock-sync/penstock/services/writer"
)

// childVariable makes a process of the test binary a service; it holds a part as JSON.
const childVariable = "PENSTOCK_E2E_SERVE"

// The services.
const (
	extracting    = "extractor"
	writing       = "writer"
	deadlettering = "deadletter"
)

// A part is one service as it is to be run. Of the three, the one that Role names is used.
type part struct {
	Role       string
	Extractor  extractor.Config
	Writer     writer.Config
	DeadLetter deadletter.Config
}

// setNATS points the part at another address.
func (p *part) setNATS(url string) {
	p.Extractor.Queue.URL, p.Writer.Queue.URL, p.DeadLetter.Queue.URL = url, url, url
}

// run runs the service until ctx ends. One that gives up is started again, as any supervisor would.
func (p part) run(ctx context.Context, log *slog.Logger) {
	env := daemon.Env{Log: log}
	again := time.NewTimer(0)
	defer again.Stop()
	for ctx.Err() == nil {
		var err error
		switch p.Role {
		case extracting:
			err = extractor.Run(ctx, env, p.Extractor)
		case writing:
			err = writer.Run(ctx, env, p.Writer)
		case deadlettering:
			err = deadletter.Run(ctx, env, p.DeadLetter)
		default:
			err = fmt.Errorf("there is no role %q", p.Role)
		}
		if ctx.Err() != nil {
			return
		}
		log.Error("service ended; started again", "role", p.Role, "err", err)
		again.Reset(100 * time.Millisecond)
		select {
		case <-ctx.Done():
		case <-again.C:
		}
	}
}

// serveAsChild runs a part and never returns, in a process that spawn started. It ends with its standard input, so that
// it never outlives the test.
func serveAsChild() {
	text, ok := os.LookupEnv(childVariable)
	if !ok {
		return
	}
	var p part
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		fail(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // however it ends, it has ended
		cancel()
	}()
	p.run(ctx, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("pid", os.Getpid()))
	os.Exit(0) //nolint:forbidigo // a child process ends here
}

// start runs a part inside the test's process, and returns what stops it.
func (w *world) start(p part) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.run(ctx, slog.New(slog.NewTextHandler(&w.log, nil)))
	}()
	stop = func() {
		cancel()
		happens(w.t, p.Role+" stops", done)
	}
	w.t.Cleanup(stop)
	return stop
}

// A process is a part in a process of its own.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.Closer
	once  sync.Once
}

// spawn runs a part in a process of its own. At the end of the test it is asked to stop.
func (w *world) spawn(p part) *process {
	w.t.Helper()
	cmd := exec.Command(must[string](w.t)(os.Executable())) //nolint:noctx // it is killed by pid, or ends with its standard input
	cmd.Env = append(os.Environ(), childVariable+"="+string(must[[]byte](w.t)(json.Marshal(p))))
	cmd.Stdout, cmd.Stderr = &w.log, &w.log
	stdin := must[io.WriteCloser](w.t)(cmd.StdinPipe())
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	child := &process{t: w.t, cmd: cmd, stdin: stdin}
	w.t.Cleanup(child.stop)
	return child
}

// stop asks the process to end, and waits. One that was killed has ended.
func (p *process) stop() {
	p.once.Do(func() {
		p.signal(syscall.SIGCONT)
		_ = p.stdin.Close() // ending the process is all that it is for
		_ = p.cmd.Wait()
	})
}

// kill ends the process at once: nothing that it has in hand is finished.
func (p *process) kill() {
	p.once.Do(func() {
		p.signal(syscall.SIGKILL)
		_ = p.cmd.Wait() // says "killed"
		_ = p.stdin.Close()
	})
}

func (p *process) signal(s syscall.Signal) {
	if err := syscall.Kill(p.cmd.Process.Pid, s); err != nil {
		p.t.Errorf("signal %s to process %d: %v", s, p.cmd.Process.Pid, err)
	}
}
