package cli

import (
	"fmt"
	"strings"

	"github.com/penstock-sync/penstock/pkg/plan"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// longestComment is a little less than the 65,536 characters that GitHub takes.
const longestComment = 60_000

// planMarkdown is a plan as a comment: a table in short, and what is behind it to be unfolded.
//
// What comes from rows, files and servers is hostile: it stands in <code>, where nobody is mentioned and nothing becomes a
// link, with every sign that Markdown or HTML could take for its own written as a number.
func planMarkdown(r *penstockv1.PlanResponse) string {
	var s strings.Builder
	write := func(format string, args ...any) { _, _ = fmt.Fprintf(&s, format, args...) } // a strings.Builder takes everything
	problems := problemsOf(r)
	send := 0
	for _, p := range r.GetSyncs() {
		send += int(p.GetSend())
	}
	write("### Penstock plan: %s, %s to send, %s\n\n", count(len(r.GetSyncs()), "sync"), count(send, "change"), count(len(problems), "problem"))
	write("| Sync | Create | Update | Send again | Remove | Refuse | Wait | Problems |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, p := range r.GetSyncs() {
		t := totalsOfSync(p)
		if !p.GetCompared() {
			write("| %s | ? | ? | ? | ? | ? | ? | %d |\n", code(nameOf(p)), len(failed("", p.GetSteps())))
			continue
		}
		write("| %s | %s | %s | %d | %d | %d | %d | %d |\n", code(nameOf(p)), t.projected(t.create), t.projected(t.update), t.resend, t.leave, t.refuse, t.wait,
			len(failed("", p.GetSteps())))
	}
	if len(problems) > 0 {
		write("\n**Problems**\n\n")
		for i, p := range problems {
			if s.Len() > longestComment/2 {
				write("- … and %d more\n", len(problems)-i)
				break
			}
			write("- %s", code(p.text()))
			if p.step.GetDo() != "" {
				write("<br>%s", code(p.step.GetDo()))
			}
			write("\n")
		}
	}
	for i, p := range r.GetSyncs() {
		d := syncMarkdown(p)
		if s.Len()+len(d) > longestComment {
			write("\n%s left out: the comment would be too long. `penstock plan` shows them.\n", count(len(r.GetSyncs())-i, "sync"))
			break
		}
		write("%s", d)
	}
	return s.String()
}

// syncMarkdown is what is to be unfolded of one sync.
func syncMarkdown(p *penstockv1.PlannedSync) string {
	var s strings.Builder
	write := func(format string, args ...any) { _, _ = fmt.Fprintf(&s, format, args...) } // a strings.Builder takes everything
	write("\n<details><summary>%s into %s, %s</summary>\n\n", code(nameOf(p)), code(p.GetTable()), standing(p))
	list := func(title string, lines []string) {
		if len(lines) > 0 {
			write("%s\n\n- %s\n\n", title, strings.Join(lines, "\n- "))
		}
	}
	list("Not as it is applied:", each(p.GetDifferences(), codeLines))
	var warnings []string
	for _, w := range stepsIn("", p.GetSteps(), "warned") {
		warnings = append(warnings, code(withCode(w.step)))
	}
	list("Warnings:", warnings)
	if !p.GetCompared() {
		write("Its rows were not compared.\n\n</details>\n")
		return s.String()
	}
	write("| Rows | What | Keys |\n|--:|---|---|\n")
	for _, k := range p.GetKinds() {
		what := kindWord(k.GetKind())
		if k.GetCause() != "" {
			what += ": " + code(k.GetCause())
		}
		write("| %s | %s | %s |\n", rowsOf(k), what, keysOf(k, func(key string) string { return code(keyText(key)) }))
	}
	write("\n")
	list("Sent again because of:", each(p.GetResendBecause(), codeLines))
	for _, record := range p.GetRecords() {
		write("%s %s\n\n", kindWord(record.GetKind()), code(keyText(record.GetKey())))
		if len(record.GetFields()) == 0 {
			write("No difference: Dataverse has it already.\n\n")
			continue
		}
		if record.GetAbsent() && record.GetKind() != plan.Create {
			write("There is no record yet.\n\n")
		}
		write("| Column | Dataverse has | would get | |\n|---|---|---|---|\n")
		for _, f := range record.GetFields() {
			note := ""
			if f.GetNote() != "" {
				note = code(f.GetNote())
			}
			write("| %s | %s | %s | %s |\n", code(f.GetColumn()), valueMarkdown(f.Old), valueMarkdown(f.New), note)
		}
		write("\n")
	}
	list("To be known:", each(p.GetNotes(), code))
	if p.GetSend() > 0 {
		write("%s to send, about %s (%s).\n\n", count(int(p.GetSend()), "change"), roughly(p.GetTakes().AsDuration()), code(p.GetPace()))
	}
	write("</details>\n")
	return s.String()
}

func each(list []string, as func(string) string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = as(s)
	}
	return out
}

func valueMarkdown(v *string) string {
	if v == nil {
		return "*empty*"
	}
	if *v == "" {
		return code(`""`)
	}
	return code(*v)
}

// codeLines is [code] of what may have several lines.
func codeLines(s string) string { return strings.Join(each(strings.Split(s, "\n"), code), "<br>") }

// code is text of others', which stands for nothing but itself.
func code(s string) string {
	var b strings.Builder
	b.WriteString("<code>")
	for _, r := range visible(s) {
		if r < 0x80 && !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == ' ') {
			_, _ = fmt.Fprintf(&b, "&#%d;", r) // a strings.Builder takes everything
			continue
		}
		b.WriteRune(r)
	}
	b.WriteString("</code>")
	return b.String()
}
