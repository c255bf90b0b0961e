package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"github.com/penstock-sync/penstock/pkg/daemon"
	"github.com/penstock-sync/penstock/pkg/penstock"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// bars show how runs go on: as bars where a person watches, as a line for each finished run elsewhere, and not at all
// where JSON is asked for.
type bars struct {
	progress *mpb.Progress
	lines    io.Writer
}

func (c *commandLine) bars() *bars {
	if f, ok := c.err.(*os.File); ok && daemon.Terminal(f) && !c.json {
		return &bars{progress: mpb.New(mpb.WithOutput(c.err), mpb.WithWidth(40)), lines: io.Discard}
	}
	if c.json {
		return &bars{lines: io.Discard}
	}
	return &bars{lines: c.err}
}

// end waits until the last bar is drawn.
func (b *bars) end() {
	if b.progress != nil {
		b.progress.Wait()
	}
}

type bar struct {
	bar   *mpb.Bar
	lines io.Writer
	name  string
	phase atomic.Value // string; the bar is drawn by a goroutine of its own
}

func (b *bars) add(id penstock.SyncID, number uint64) *bar {
	r := &bar{lines: b.lines, name: fmt.Sprintf("%s run %d", id, number)}
	r.phase.Store("requested")
	if b.progress != nil {
		r.bar = b.progress.AddBar(0,
			mpb.PrependDecorators(decor.Name(r.name, decor.WCSyncSpaceR), decor.Any(func(decor.Statistics) string { return fmt.Sprint(r.phase.Load()) }, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersNoUnit("%d / %d rows", decor.WCSyncSpace)))
	}
	return r
}

// show takes what an event tells: of the rows that are to be sent, how many have their answer.
func (b *bar) show(e penstock.Event) {
	if b.bar == nil {
		return
	}
	b.phase.Store(string(e.Phase))
	if total := e.Counts.Read - e.Counts.Unchanged - e.Counts.Waiting; total > 0 {
		b.bar.SetTotal(int64(total), false)
	}
	b.bar.SetCurrent(int64(e.Settled))
}

func (b *bar) end(r *penstockv1.Run) {
	if b.bar != nil {
		b.phase.Store(r.GetPhase())
		b.bar.SetTotal(-1, true)
	}
	_, _ = fmt.Fprintf(b.lines, "%s %s: %d read, %d accepted, %d refused, %.1f s\n", // progress that cannot be shown is none
		b.name, r.GetPhase(), r.GetCounts().GetRead(), r.GetCounts().GetAccepted(), r.GetCounts().GetRefused(), seconds(r))
}

func seconds(r *penstockv1.Run) float64 {
	if r.GetEnded() == nil {
		return 0
	}
	return float64(r.GetEnded().AsTime().Sub(r.GetStarted().AsTime()).Milliseconds()) / 1000
}

// runsTable is a line per run, with its reason where it has one.
func runsTable(runs []*penstockv1.Run) string {
	return table("SYNC\tRUN\tPHASE\tREAD\tUNCHANGED\tACCEPTED\tREFUSED\tWAITING\tNOT SENT\tDELETED\tPARKED\tSECONDS\tREASON", func(row func(...any)) {
		for _, r := range runs {
			c := r.GetCounts()
			row(r.GetId().GetEnvironment()+"/"+r.GetId().GetSync(), r.GetId().GetNumber(), r.GetPhase(), c.GetRead(), c.GetUnchanged(),
				c.GetAccepted(), c.GetRefused(), c.GetWaiting(), c.GetNotSent(), c.GetDeleted(), c.GetParked(), fmt.Sprintf("%.1f", seconds(r)), r.GetReason())
		}
	})
}

// groupsTable is a line per cause.
func groupsTable(groups []*penstockv1.DeadLetterGroup) string {
	s := table("SYNC\tROWS\tCLASS\tCODE\tABOUT\tFOR EXAMPLE", func(row func(...any)) {
		for _, g := range groups {
			about := g.GetColumn() + g.GetPrivilege() + g.GetKey()
			if g.GetTarget() != "" {
				about = strings.TrimSpace(about + " -> " + g.GetTarget())
			}
			row(g.GetEnvironment()+"/"+g.GetSync(), g.GetCount(), g.GetClass(), g.GetCode(), printable(about), short(g.GetExample(), 100))
		}
	})
	// What mends several codes is said once.
	var mends []string
	codes := map[string][]string{}
	for _, g := range groups {
		mend, code := g.GetMend(), g.GetCode()
		if mend == "" {
			continue
		}
		if len(codes[mend]) == 0 {
			mends = append(mends, mend)
		}
		if !slices.Contains(codes[mend], code) {
			codes[mend] = append(codes[mend], code)
		}
	}
	for i, mend := range mends {
		if i == 0 {
			s += "\n"
		}
		s += strings.Join(codes[mend], ", ") + ": " + mend + "\n"
	}
	return s
}

func lettersTable(letters []*penstockv1.OpenLetter) string {
	return table("SYNC\tRUN\tKEY\tOPERATION\tCLASS\tCODE\tCOLUMN\tMESSAGE", func(row func(...any)) {
		for _, l := range letters {
			row(l.GetEnvironment()+"/"+l.GetSync(), l.GetRun(), printable(l.GetKey()), l.GetOperation(), l.GetClass(), l.GetCode(), l.GetColumn(), short(l.GetMessage(), 100))
		}
	})
}

func table(head string, rows func(row func(...any))) string {
	var s strings.Builder
	w := tabwriter.NewWriter(&s, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, head) // a strings.Builder takes everything
	rows(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				_, _ = fmt.Fprint(w, "\t")
			}
			_, _ = fmt.Fprint(w, c)
		}
		_, _ = fmt.Fprintln(w)
	})
	_ = w.Flush()
	return s.String()
}

func short(s string, most int) string {
	runes := []rune(printable(s))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}

// printable keeps what data may hold from moving a terminal's cursor or breaking a table.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}
