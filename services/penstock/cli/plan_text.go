package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/penstock-sync/penstock/pkg/connection"
	"github.com/penstock-sync/penstock/pkg/plan"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// planText is a plan for a terminal.
func planText(r *penstockv1.PlanResponse) string {
	var s strings.Builder
	write := func(format string, args ...any) { _, _ = fmt.Fprintf(&s, format, args...) } // a strings.Builder takes everything
	for _, e := range r.GetEnvironments() {
		write("%s  %s\n", e.GetEnvironment(), visible(e.GetUrl()))
		stepLines(&s, e.GetSteps())
	}
	for _, p := range r.GetSyncs() {
		write("\n%s -> %s (%s), %s\n", nameOf(p), p.GetTable(), p.GetMode(), standing(p))
		for _, d := range p.GetDifferences() {
			for line := range strings.Lines(d) {
				write("  ~ %s\n", visible(strings.TrimRight(line, "\n")))
			}
		}
		stepLines(&s, p.GetSteps())
		if !p.GetCompared() {
			write("  its rows were not compared\n")
			continue
		}
		for line := range strings.Lines(kindsTable(p)) {
			write("  %s\n", strings.TrimRight(line, " \n"))
		}
		for _, b := range p.GetResendBecause() {
			write("  sent again because of: %s\n", strings.Join(each(strings.Split(b, "\n"), visible), "\n      "))
		}
		for _, record := range p.GetRecords() {
			write("  %s %s\n", kindWord(record.GetKind()), visible(keyText(record.GetKey())))
			for _, line := range recordLines(record) {
				write("      %s\n", line)
			}
		}
		for _, note := range p.GetNotes() {
			write("  note: %s\n", visible(note))
		}
		if p.GetSend() > 0 {
			write("  %s to send, about %s (%s)\n", count(int(p.GetSend()), "change"), roughly(p.GetTakes().AsDuration()), visible(p.GetPace()))
		}
	}
	write("\n%s\n", planSummary(r))
	return s.String()
}

// standing says how a sync stands to what is applied.
func standing(p *penstockv1.PlannedSync) string {
	switch p.GetState() {
	case plan.StateNew:
		return "new"
	case plan.StateChanged:
		return "not as it is applied"
	}
	return "as it is applied"
}

// stepLines are those that failed or warn, with what to do.
func stepLines(s *strings.Builder, steps []*penstockv1.TestStep) {
	for _, w := range []struct {
		state connection.State
		word  string
	}{{connection.Failed, "problem"}, {connection.Warned, "warning"}} {
		for _, p := range stepsIn("", steps, w.state) {
			at := ""
			if p.step.GetAt() != "" {
				at = p.step.GetAt() + ": "
			}
			_, _ = fmt.Fprintf(s, "  %s: %s%s\n", w.word, visible(at), visible(withCode(p.step))) // a strings.Builder takes everything
			if p.step.GetDo() != "" {
				_, _ = fmt.Fprintf(s, "           -> %s\n", visible(p.step.GetDo()))
			}
		}
	}
}

// kindsTable is a line per kind of rows.
func kindsTable(p *penstockv1.PlannedSync) string {
	return table("ROWS\tWHAT\tKEYS", func(row func(...any)) {
		for _, k := range p.GetKinds() {
			what := kindWord(k.GetKind())
			if k.GetCause() != "" {
				what += ": " + short(visible(k.GetCause()), 120)
			}
			row(rowsOf(k), what, keysOf(k, func(key string) string { return visible(keyText(key)) }))
		}
	})
}

func rowsOf(k *penstockv1.PlannedKind) string {
	n := strconv.FormatUint(k.GetRows(), 10)
	if k.GetEstimated() {
		return "~" + n
	}
	return n
}

// keysOf names the first keys of a kind.
func keysOf(k *penstockv1.PlannedKind, each func(string) string) string {
	keys := make([]string, len(k.GetKeys()))
	for i, key := range k.GetKeys() {
		keys[i] = each(key)
	}
	s := strings.Join(keys, ", ")
	if k.GetMore() {
		s += ", …"
	}
	return s
}

// kindWord is a kind as people read it.
func kindWord(kind string) string {
	switch kind {
	case plan.Adopt:
		return "adopt (the record is there already)"
	case plan.Resend:
		return "send again (the mapping changed)"
	case plan.Retry:
		return "try again (refused before)"
	case plan.Again:
		return "send again (no answer is known)"
	case plan.Waiting:
		return "wait as dead letters"
	case plan.LeftWaiting:
		return "removals that wait as dead letters"
	case plan.Park:
		return "hold back leaving rows"
	case plan.Keep:
		return "keep the records of leaving rows"
	}
	return kind
}

// recordLines are the columns of a record that would change.
func recordLines(r *penstockv1.PlannedRecord) []string {
	if len(r.GetFields()) == 0 {
		return []string{"no difference: Dataverse has it already"}
	}
	var lines []string
	if r.GetAbsent() && r.GetKind() != plan.Create {
		lines = append(lines, "there is no record yet")
	}
	for _, f := range r.GetFields() {
		line := f.GetColumn() + ": " + valueText(f.New)
		if !r.GetAbsent() {
			line = f.GetColumn() + ": " + valueText(f.Old) + " -> " + valueText(f.New)
		}
		if f.GetNote() != "" {
			line += "  (" + visible(f.GetNote()) + ")"
		}
		lines = append(lines, line)
	}
	return lines
}

func valueText(v *string) string {
	if v == nil {
		return "(empty)"
	}
	if *v == "" {
		return `""`
	}
	return visible(*v)
}

// planSummary is the plan in a line.
func planSummary(r *penstockv1.PlanResponse) string {
	t := totalsOf(r)
	parts := []string{
		t.projected(t.create) + " to create", t.projected(t.update) + " to update", fmt.Sprintf("%d to send again", t.resend),
		fmt.Sprintf("%d to remove", t.leave), fmt.Sprintf("%d to refuse", t.refuse), fmt.Sprintf("%d waiting", t.wait), count(len(problemsOf(r)), "problem"),
	}
	return "Plan: " + strings.Join(parts, ", ") + "."
}

// totals are the rows of a plan as its headline counts them.
type totals struct {
	create, update, resend, leave, refuse, wait uint64
	about                                       string // "~" where a number is projected
}

// projected is a number that may be projected.
func (t totals) projected(n uint64) string {
	if n == 0 {
		return "0"
	}
	return t.about + strconv.FormatUint(n, 10)
}

func totalsOf(r *penstockv1.PlanResponse) (all totals) {
	for _, p := range r.GetSyncs() {
		t := totalsOfSync(p)
		all.create, all.update, all.resend = all.create+t.create, all.update+t.update, all.resend+t.resend
		all.leave, all.refuse, all.wait = all.leave+t.leave, all.refuse+t.refuse, all.wait+t.wait
		all.about = or(all.about, t.about)
	}
	return all
}

func totalsOfSync(p *penstockv1.PlannedSync) (t totals) {
	for _, k := range p.GetKinds() {
		if k.GetEstimated() {
			t.about = "~"
		}
		switch k.GetKind() {
		case plan.Create:
			t.create += k.GetRows()
		case plan.Adopt, plan.Update:
			t.update += k.GetRows()
		case plan.Resend, plan.Retry, plan.Again:
			t.resend += k.GetRows()
		case plan.Refuse:
			t.refuse += k.GetRows()
		case plan.Waiting, plan.LeftWaiting, plan.Park:
			t.wait += k.GetRows()
		case plan.Unchanged, plan.Keep:
		default: // what the sync does about leaving rows
			t.leave += k.GetRows()
		}
	}
	return t
}

// roughly is a time as people say it.
func roughly(d time.Duration) string {
	switch {
	case d < time.Second:
		return "a second"
	case d < 100*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 100*time.Minute:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.1f h", d.Hours())
}

// keyText is a key as people read it: the parts of a compound one stand beside each other.
func keyText(key string) string { return strings.ReplaceAll(key, "\x1f", " + ") }

// visible shows what would otherwise move a cursor, hide, or turn the direction of writing: nothing in a row may look like
// something else.
func visible(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs):
			_, _ = fmt.Fprintf(&b, `\u{%x}`, r) // a strings.Builder takes everything
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
