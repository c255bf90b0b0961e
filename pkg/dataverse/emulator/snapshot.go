package emulator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// A Snapshot is all rows of a Server at one moment. It shares their values with the Server, which never changes a value in place: so a
// snapshot of a million rows takes a fraction of their memory. It is not changed by anything, and may be restored any number of times.
type Snapshot struct {
	tables   []tableImage
	versions uint64
}

// A tableImage is one table's rows, with the names that its cells' numbers stand for.
type tableImage struct {
	name    string
	columns []columnImage
	rows    []rowImage
}

type columnImage struct {
	name    string
	targets []string // of a lookup: what the number in its value stands for
}

type rowImage struct {
	id                uuid.UUID
	version           uint64
	created, modified int64
	cells             []byte
}

// Rows is the number of rows in the snapshot.
func (p *Snapshot) Rows() (n int) {
	for _, t := range p.tables {
		n += len(t.rows)
	}
	return n
}

// Snapshot returns all rows as they are between two writes.
func (s *Server) Snapshot() *Snapshot {
	s.change.Lock()
	defer s.change.Unlock()
	p := &Snapshot{versions: s.versions.Load()}
	for _, t := range s.tables {
		image := tableImage{name: t.Name, columns: columnImages(t.columns), rows: make([]rowImage, 0, len(t.rows))}
		for _, r := range t.order {
			if !r.dead {
				image.rows = append(image.rows, rowImage{r.id, r.version, r.created, r.modified, r.cells})
			}
		}
		p.tables = append(p.tables, image)
	}
	slices.SortFunc(p.tables, func(a, b tableImage) int { return strings.Compare(a.name, b.name) })
	return p
}

func columnImages(columns []schema.Column) []columnImage {
	images := make([]columnImage, len(columns))
	for i, c := range columns {
		images[i].name = c.Name
		for _, t := range c.Targets {
			images[i].targets = append(images[i].targets, t.Table)
		}
	}
	return images
}

// Restore makes the rows those of the snapshot, and forgets journal and spent budgets, as Reset does. Where the snapshot is of another
// server, tables and columns are found by their names; a row that has a value in a column which is not there is an error, and nothing is changed.
func (s *Server) Restore(p *Snapshot) error {
	s.change.Lock()
	defer s.change.Unlock()
	fitted := make([]tableImage, 0, len(p.tables))
	for _, image := range p.tables {
		t := s.tables[image.name]
		if t == nil && len(image.rows) > 0 {
			return fmt.Errorf("emulator: the snapshot has %d rows of the table %q, which is not there; configure it, or take a new snapshot", len(image.rows), image.name)
		}
		if t == nil {
			continue
		}
		fit, err := image.fit(t)
		if err != nil {
			return err
		}
		fitted = append(fitted, fit)
	}
	s.versions.Add(1) // delta links from before are of another past
	s.clear()
	for _, image := range fitted {
		t := s.tables[image.name]
		for _, r := range image.rows {
			if t.rows[r.id] == nil {
				t.addRow(&row{id: r.id, serial: s.serials.Add(1), version: r.version, created: r.created, modified: r.modified, cells: r.cells})
			}
		}
	}
	s.versions.Store(max(s.versions.Load(), p.versions)) // so that no version comes twice
	s.populate()
	return nil
}

// fit returns the image with cells as t numbers them.
func (image tableImage) fit(t *table) (tableImage, error) {
	mine := columnImages(t.columns)
	if slices.EqualFunc(image.columns, mine, func(a, b columnImage) bool { return a.name == b.name && slices.Equal(a.targets, b.targets) }) {
		return image, nil
	}
	column := make([]int, len(image.columns)) // by the image's number: ours, -1 where we have none
	target := make([][]int, len(image.columns))
	for i, c := range image.columns {
		column[i] = -1
		if at, ok := t.byName[c.name]; ok && t.columns[at].IsLookup() == (len(c.targets) > 0) {
			column[i] = at
			for _, name := range c.targets {
				target[i] = append(target[i], slices.Index(mine[at].targets, name))
			}
		}
	}
	fitted := tableImage{image.name, mine, make([]rowImage, len(image.rows))}
	for n, r := range image.rows {
		var cells []cell
		for rest := r.cells; len(rest) > 0; {
			var c cell
			c, rest = nextCell(rest)
			name := image.columns[c.column].name
			if column[c.column] < 0 {
				return fitted, fmt.Errorf("emulator: the snapshot has values of the column %q of table %q, which is not there or of another type; configure it, or take a new snapshot", name, t.Name)
			}
			if to := target[c.column]; to != nil {
				if to[c.value[0]] < 0 {
					return fitted, fmt.Errorf("emulator: the snapshot has values of %q of table %q that point at the table %q; configure that target, or take a new snapshot",
						name, t.Name, image.columns[c.column].targets[c.value[0]])
				}
				c.value = append([]byte{byte(to[c.value[0]])}, c.value[1:]...)
			}
			c.column = column[c.column]
			cells, _ = put(cells, c)
		}
		r.cells = merge(nil, nil, cells)
		fitted.rows[n] = r
	}
	return fitted, nil
}
