package plan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/ledger"
	"github.com/penstock-sync/penstock/pkg/penstock"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

// A reader reads records, some at a time, until Dataverse asks to be left alone.
type reader struct {
	records Records
	table   *dataverse.Table
	tables  map[string]*dataverse.Table

	there, absent     []string // keys that the ledger does not know, by whether Dataverse does
	drawn, drawnThere uint64   // how many of them were drawn by lot

	mu       sync.Mutex
	resolved map[string]string // GUIDs by the addresses of what lookups name; empty: there is none
	fault    string            // why no more is read
}

// A look is one row that is compared with its record.
type look struct {
	why   ledger.Why
	key   string
	row   kept
	shown bool // column by column; else only whether it is there
	found bool
	done  bool
	out   *penstockv1.PlannedRecord
}

// look reads the records of some rows that would be sent.
func (p *planning) look(ctx context.Context) error {
	var looks []*look
	shown := map[ledger.Why]int{}
	for _, why := range []ledger.Why{ledger.New, ledger.Back, ledger.Values, ledger.Mapping, ledger.Refused, ledger.Unsettled} {
		for _, key := range p.rows.keys[why] {
			row, there := p.rows.kept[key]
			if !there {
				continue
			}
			l := &look{why: why, key: key, row: row, shown: shown[why] < min(p.Samples, compared)}
			if l.shown {
				shown[why]++
			}
			if l.shown || p.rows.drawn[key] {
				looks = append(looks, l)
			}
		}
	}
	if len(looks) == 0 {
		return nil
	}
	p.Tell(fmt.Sprintf("looking at %d records in Dataverse", len(looks)))
	group, bounded := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, l := range looks {
		group.Go(func() error { return p.reader.look(bounded, p.Mapping.Operation(), l) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, l := range looks {
		kind := map[ledger.Why]string{ledger.Values: Update, ledger.Mapping: Resend, ledger.Refused: Retry, ledger.Unsettled: Again}[l.why]
		if kind == "" && l.done {
			if p.rows.drawn[l.key] {
				p.reader.drawn++
			}
			if kind = Create; l.found {
				if p.rows.drawn[l.key] {
					p.reader.drawnThere++
				}
				kind = Adopt
				p.reader.there = append(p.reader.there, l.key)
			} else {
				p.reader.absent = append(p.reader.absent, l.key)
			}
		}
		if l.shown && l.out != nil && !(kind == Create && p.Mapping.Operation() == penstock.Update) {
			l.out.Kind, l.out.Key, l.out.Address = kind, l.key, l.row.address
			p.out.Records = append(p.out.Records, l.out)
		}
	}
	p.dangling()
	slices.Sort(p.reader.there)
	slices.Sort(p.reader.absent)
	if p.reader.fault != "" {
		p.note("records were not read to the end: " + p.reader.fault)
	}
	return nil
}

// dangling warns of lookups that name nothing: Dataverse refuses such rows.
func (p *planning) dangling() {
	n := 0
	for _, r := range p.out.GetRecords() {
		if slices.ContainsFunc(r.GetFields(), func(f *penstockv1.PlannedField) bool { return f.GetNote() == noteDangling }) {
			n++
		}
	}
	if n == 0 {
		return
	}
	unless := "a sync of that table has made them before"
	if len(p.Sync.After) > 0 {
		unless = strings.Join(p.Sync.After, ", ") + " has made them before"
	}
	p.note(fmt.Sprintf("of the %d records that are shown %d name others that are not there: Dataverse refuses such rows unless %s", len(p.out.GetRecords()), n, unless))
}

// What is said of a field.
const (
	noteDangling = "names a record that is not there, or cannot be seen"
	noteGuarded  = "what Dataverse has cannot be seen: column security guards it"
)

// look compares one row with its record. Where Dataverse asks to be left alone, or fails, nothing more is read; that is no
// error of the plan.
func (r *reader) look(ctx context.Context, op penstock.Operation, l *look) error {
	properties, err := decode(l.row.body)
	if err != nil {
		return unreadable(err)
	}
	l.row.address = r.addressOf(op, l.row.address, properties)
	var columns []string
	if l.shown {
		columns = r.columns(properties)
	}
	record, found, ok, err := r.read(ctx, r.table, l.row.address, columns)
	if err != nil || !ok {
		return err
	}
	l.found, l.done = found, true
	if !l.shown {
		return nil
	}
	l.out = &penstockv1.PlannedRecord{Absent: !found}
	for _, p := range properties {
		f, same, err := r.field(ctx, p, record)
		if err != nil {
			return err
		}
		if !same {
			l.out.Fields = append(l.out.Fields, f)
		}
	}
	return nil
}

func unreadable(err error) error {
	return fmt.Errorf("plan: what the mapping rendered cannot be read: %w", err)
}

// addressOf is that of the record: of one that is to be made the address is that of the table, and the body has its GUID.
func (r *reader) addressOf(op penstock.Operation, address string, properties []property) string {
	if op != penstock.Create {
		return address
	}
	for _, p := range properties {
		if id, isText := p.value.(string); isText && p.name == r.table.PrimaryID {
			return address + "(" + id + ")"
		}
	}
	return address
}

// columns are those that the properties fill.
func (r *reader) columns(properties []property) (columns []string) {
	for _, p := range properties {
		if column, known := r.column(p.name); known && !slices.Contains(columns, column.Name) {
			columns = append(columns, column.Name)
		}
	}
	return columns
}

// read is one read. ok is false when Dataverse is not to be asked, or cannot be.
func (r *reader) read(ctx context.Context, t *dataverse.Table, address string, columns []string) (record dataverse.Record, found, ok bool, err error) {
	r.mu.Lock()
	over := r.fault != ""
	r.mu.Unlock()
	if over {
		return nil, false, false, nil
	}
	record, found, err = r.records.Record(ctx, t, address, columns)
	if err == nil {
		return record, found, true, nil
	}
	if ctx.Err() != nil {
		return nil, false, false, ctx.Err()
	}
	why := err.Error()
	var fault *penstock.Error
	if errors.As(err, &fault) && fault.Kind == penstock.Throttled {
		why = fmt.Sprintf("Dataverse asks to be left alone for %s", fault.Wait)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fault == "" {
		r.fault = why
	}
	return nil, false, false, nil
}

// A property is one name and value of a body.
type property struct {
	name  string
	value any // nil, string, bool, json.Number
}

// decode reads a body in its order.
func decode(body []byte) ([]property, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is no JSON object")
	}
	var all []property
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		all = append(all, property{name.(string), value}) // a name, as JSON has it
	}
	return all, nil
}

const bound = "@odata.bind"

// column finds the column that a property of a body fills: lookups go by the names of their navigation properties.
func (r *reader) column(name string) (*dataverse.Column, bool) {
	if column, known := r.table.Column(name); known {
		return column, true
	}
	name = strings.TrimSuffix(name, bound)
	for i := range r.table.Columns {
		column := &r.table.Columns[i]
		if slices.ContainsFunc(column.Targets, func(t dataverse.Target) bool { return t.Navigation == name }) {
			return column, true
		}
	}
	return nil, false
}

// field compares one property with the record, and reports whether Dataverse has it already. Of a record that is not there
// all that is not empty is new.
func (r *reader) field(ctx context.Context, p property, record dataverse.Record) (f *penstockv1.PlannedField, there bool, err error) {
	column, known := r.column(p.name)
	if !known {
		return &penstockv1.PlannedField{Column: p.name, New: words(nil, p.value, "")}, false, nil
	}
	old, asked := record[column.Name]
	f = &penstockv1.PlannedField{Column: column.Name, Old: words(column, old.Value, old.Label), New: words(column, p.value, "")}
	if record == nil && p.value == nil {
		return f, true, nil
	}
	there = same(column, old.Value, p.value)
	if address, isText := p.value.(string); isText && column.Type == dataverse.Lookup && strings.HasSuffix(p.name, bound) {
		id, found, err := r.resolve(ctx, strings.TrimPrefix(address, "/"))
		if err != nil {
			return nil, false, err
		}
		if !found {
			f.Note = noteDangling
		}
		there = found && equalFold(old.Value, id)
	}
	if record != nil && !asked {
		f.Note = noteGuarded
		return f, false, nil
	}
	return f, there && record != nil, nil
}

// resolve finds the GUID of the record at an address. found is also true where Dataverse could not be asked: nothing is
// said of it then.
func (r *reader) resolve(ctx context.Context, address string) (id string, found bool, err error) {
	set, key, _ := strings.Cut(strings.TrimSuffix(address, ")"), "(")
	if !strings.Contains(key, "=") {
		return key, true, nil
	}
	r.mu.Lock()
	id, known := r.resolved[address]
	r.mu.Unlock()
	if known {
		return id, id != "", nil
	}
	for _, t := range r.tables {
		if t.SetName != set {
			continue
		}
		record, there, ok, err := r.read(ctx, t, address, nil)
		if err != nil || !ok {
			return "", true, err
		}
		if there {
			id, _ = record[t.PrimaryID].Value.(string)
		}
		r.mu.Lock()
		r.resolved[address] = id
		r.mu.Unlock()
		return id, there, nil
	}
	return "", true, nil
}
