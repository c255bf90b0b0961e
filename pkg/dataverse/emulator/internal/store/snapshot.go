package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// A Snapshot is all rows of some tables at one moment. It shares their values with the tables, which never changes a value in place: so a
// snapshot of a million rows takes a fraction of their memory. It is not changed by anything, and may be restored any number of times.
type Snapshot struct {
	tables  []tableImage
	version uint64 // the last that was given
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

// Take returns all rows of the tables, of which the last version is given. Nobody writes to them meanwhile.
func Take(tables map[string]*Table, version uint64) *Snapshot {
	p := &Snapshot{version: version}
	for _, t := range tables {
		image := tableImage{name: t.Name, columns: columnImages(t.Columns), rows: make([]rowImage, 0, len(t.rows))}
		for _, r := range t.order {
			if !r.Dead {
				image.rows = append(image.rows, rowImage{r.ID, r.Version, r.Created, r.Modified, r.Cells})
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

// Fit returns the snapshot as the tables have their columns. The error names what has values and is not there.
func Fit(p *Snapshot, tables map[string]*Table) (*Snapshot, error) {
	fitted := &Snapshot{version: p.version}
	for _, image := range p.tables {
		t := tables[image.name]
		if t == nil && len(image.rows) > 0 {
			return nil, fmt.Errorf("emulator: the snapshot has %d rows of the table %q, which is not there; configure it, or take a new snapshot", len(image.rows), image.name)
		}
		if t == nil {
			continue
		}
		fit, err := image.fit(t)
		if err != nil {
			return nil, err
		}
		fitted.tables = append(fitted.tables, fit)
	}
	return fitted, nil
}

// Fill puts the rows of the snapshot, which fits, into the tables. Each gets a serial. It returns the last version that was given before the snapshot.
func Fill(p *Snapshot, tables map[string]*Table, serial func() uint64) (version uint64) {
	for _, image := range p.tables {
		t := tables[image.name]
		for _, r := range image.rows {
			if t.rows[r.id] == nil {
				t.Insert(&Row{ID: r.id, Serial: serial(), Version: r.version, Created: r.created, Modified: r.modified, Cells: r.cells})
			}
		}
	}
	return p.version
}

// fit returns the image with cells as t numbers them.
func (image tableImage) fit(t *Table) (tableImage, error) {
	mine := columnImages(t.Columns)
	if slices.EqualFunc(image.columns, mine, func(a, b columnImage) bool { return a.name == b.name && slices.Equal(a.targets, b.targets) }) {
		return image, nil
	}
	column := make([]int, len(image.columns)) // by the image's number: ours, -1 where we have none
	target := make([][]int, len(image.columns))
	for i, c := range image.columns {
		column[i] = -1
		if at, ok := t.ByName[c.name]; ok && t.Columns[at].IsLookup() == (len(c.targets) > 0) {
			column[i] = at
			for _, name := range c.targets {
				target[i] = append(target[i], slices.Index(mine[at].targets, name))
			}
		}
	}
	fitted := tableImage{image.name, mine, make([]rowImage, len(image.rows))}
	for n, r := range image.rows {
		var cells []Cell
		for rest := r.cells; len(rest) > 0; {
			var c Cell
			c, rest = NextCell(rest)
			name := image.columns[c.Column].name
			if column[c.Column] < 0 {
				return fitted, fmt.Errorf("emulator: the snapshot has values of the column %q of table %q, which is not there or of another type; configure it, or take a new snapshot", name, t.Name)
			}
			if to := target[c.Column]; to != nil {
				if to[c.Value[0]] < 0 {
					return fitted, fmt.Errorf("emulator: the snapshot has values of %q of table %q that point at the table %q; configure that target, or take a new snapshot",
						name, t.Name, image.columns[c.Column].targets[c.Value[0]])
				}
				c.Value = append([]byte{byte(to[c.Value[0]])}, c.Value[1:]...)
			}
			c.Column = column[c.Column]
			cells, _ = Put(cells, c)
		}
		r.cells = Merge(nil, nil, cells)
		fitted.rows[n] = r
	}
	return fitted, nil
}
