package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/penstock-sync/penstock/pkg/control"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// rowPatience is a little more than answers to [control.Row] and [control.Suggest] may take.
const rowPatience = 5*time.Minute + 10*time.Second

func (c *commandLine) row() *cobra.Command {
	return &cobra.Command{
		Use:   "row ENVIRONMENT/SYNC KEY…",
		Short: "Say why one record is as it is: warehouse, mapping, ledger, Dataverse, dead letters",
		Long: "Row follows one row of an applied sync: what the warehouse has, what it renders to, what the ledger says, what Dataverse has\n" +
			"now, and the open dead letters; and says in one line how it stands with it and what the next run does. Nothing is written.\n\n" +
			"KEY is the row's match key as the warehouse has it, each part of a compound key an argument of its own, in the order of the\n" +
			"sync's from.key. Neither case nor blanks at its end matter. What the sync masks is shown masked.\n\n" +
			"The exit code is 1 when neither the model, the ledger, the dead letters nor Dataverse know the key.",
		Example: "  penstock row demo/contacts C-000201\n  penstock row demo/prices EUR A-1 --json",
		Args:    wants("a sync and a key", 2, 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := syncID(args[0])
			if err != nil {
				return err
			}
			request := &penstockv1.RowRequest{Environment: id.Environment, Sync: id.Name, Key: args[1:]}
			resp := &penstockv1.RowResponse{}
			if err := c.callLong(cmd.Context(), control.Row, request, resp); err != nil {
				return err
			}
			if c.json {
				return c.document(resp)
			}
			return c.print("%s", rowText(resp))
		},
	}
}

// callLong asks what may take minutes, and shows what is being done.
func (c *commandLine) callLong(ctx context.Context, subject string, request, resp proto.Message) error {
	ctx, cancel := context.WithTimeout(ctx, rowPatience)
	defer cancel()
	q, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer q.Close()
	told, done := c.doing()
	defer done()
	return control.CallLong(ctx, q.Conn(), subject, request, resp, told)
}

// rowText is a row for a terminal: the verdict, then what it rests on.
func rowText(r *penstockv1.RowResponse) string {
	var s strings.Builder
	write := func(format string, args ...any) { _, _ = fmt.Fprintf(&s, format, args...) } // a strings.Builder takes everything
	write("%s/%s  %s (as Dataverse compares it)\n%s\n", r.GetEnvironment(), r.GetSync(), strings.Join(each(r.GetKey(), visible), " + "), visible(r.GetVerdict()))

	write("\nwarehouse: %s", count(int(r.GetRows()), "row"))
	if n := len(r.GetWarehouse()); n < int(r.GetRows()) {
		write(", of which %d are shown", n)
	}
	write("\n")
	for i, row := range r.GetWarehouse() {
		if i > 0 {
			write("\n")
		}
		indent(&s, table("  COLUMN\tTYPE\tVALUE", func(cells func(...any)) {
			for _, v := range row.GetValues() {
				value := valueText(v.Value)
				if v.GetMasked() {
					value += "  (masked)"
				}
				cells("  "+visible(v.GetColumn()), visible(v.GetType()), value)
			}
		}))
		if cause := row.GetCause(); cause != nil {
			write("rendered: no: %s: %s\n", cause.GetCode(), visible(cause.GetMessage()))
			continue
		}
		write("rendered: %s %s\n", row.GetOperation(), visible(row.GetAddress()))
		indent(&s, table("  COLUMN\tVALUE", func(cells func(...any)) {
			for _, v := range row.GetRendered() {
				cells("  "+visible(v.GetColumn()), valueText(v.Value))
			}
		}))
	}

	write("\nledger: %s\n", ledgerText(r.GetLedger(), len(r.GetWarehouse()) == 1))
	sends := "does not send it"
	if r.GetNext().GetSends() {
		sends = "sends it"
	}
	if because := r.GetNext().GetBecause(); because != "" {
		sends += ": " + because
	}
	write("next run: %s\n", visible(sends))
	recordText(&s, r.GetDataverse(), len(r.GetWarehouse()) == 1 && r.GetWarehouse()[0].GetCause() == nil)

	if len(r.GetLetters()) == 0 {
		write("\ndead letters: none is open\n")
		return s.String()
	}
	write("\ndead letters:\n")
	for _, l := range r.GetLetters() {
		about := l.GetLetter().GetCode()
		if column := l.GetLetter().GetColumn(); column != "" {
			about += " (" + column + ")"
		}
		write("  run %d, %s, %s: %s: %s\n", l.GetLetter().GetRun(), l.GetLetter().GetOperation(), l.GetLetter().GetClass(), about, visible(l.GetLetter().GetMessage()))
		if l.GetMend() != "" {
			write("    -> %s\n", visible(l.GetMend()))
		}
	}
	return s.String()
}

// indent writes a table without blanks at the ends of its lines.
func indent(s *strings.Builder, table string) {
	for line := range strings.Lines(table) {
		s.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

func ledgerText(e *penstockv1.LedgerEntry, there bool) string {
	if e == nil {
		return "does not know the key"
	}
	text := fmt.Sprintf("sent in run %d (%s), and no answer, or a refusal, is all that is known", e.GetRun(), instant(e.GetAt()))
	if e.GetAccepted() {
		text = fmt.Sprintf("accepted in run %d (%s)", e.GetRun(), instant(e.GetAt()))
	}
	switch e.GetLeft() {
	case "":
	case "back":
		return text + "; the row had left, and its record is not yet active again"
	default:
		return text + ": the row had left, and its record was " + e.GetLeft()
	}
	switch {
	case !there:
		return text
	case !e.GetSameValues():
		return text + "; the row has changed since"
	case !e.GetSameMapping():
		return text + "; the row has not changed since, and the mapping is another, or a full run was asked for"
	}
	return text + "; the row has not changed since"
}

// recordText is what Dataverse has, beside what the row renders to where it does.
func recordText(s *strings.Builder, d *penstockv1.DataverseRecord, compared bool) {
	write := func(format string, args ...any) { _, _ = fmt.Fprintf(s, format, args...) } // as above
	switch d.GetState() {
	case "there":
		write("\ndataverse: %s, %s", visible(d.GetAddress()), visible(d.GetId()))
		if d.GetModified() != nil {
			write(", modified %s", instant(d.GetModified()))
		}
		if d.GetStatecode() != "" {
			write(", state %s", visible(d.GetStatecode()))
		}
		write("\n")
		if d.GetChangedSince() {
			write("  changed in Dynamics after Penstock wrote it\n")
		}
		head := "    COLUMN\tDATAVERSE"
		if compared {
			head += "\tWAREHOUSE"
		}
		indent(s, table(head, func(cells func(...any)) {
			for _, v := range d.GetValues() {
				sign, warehouse := "  ", ""
				if compared && !v.GetSame() {
					sign, warehouse = "! ", valueText(v.Warehouse)
				}
				if v.GetNote() != "" {
					warehouse += "  (" + visible(v.GetNote()) + ")"
				}
				cells("  "+sign+visible(v.GetColumn()), valueText(v.Dataverse), warehouse)
			}
		}))
	case "absent":
		write("\ndataverse: no record at %s, or none that can be seen\n", visible(d.GetAddress()))
	case "unread":
		write("\ndataverse: the record could not be read: %s\n", visible(d.GetFault()))
	default:
		write("\ndataverse: was not asked, since the key cannot be an address: %s\n", visible(d.GetFault()))
	}
}

func instant(t *timestamppb.Timestamp) string {
	return t.AsTime().UTC().Format("2006-01-02 15:04:05 UTC")
}
