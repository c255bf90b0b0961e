package store

// Loops reports whether the changes hang r, by a parental lookup, on a row that hangs on r. The caller holds t.
func (t *Table) Loops(r *Row, changes []Cell) bool {
	for _, p := range t.parental {
		v, set := Get(changes, p.Column)
		for at, id, ok := Reference(v); set && ok && at == p.Index; {
			if id == r.ID {
				return true
			}
			above := t.rows[id]
			if above == nil {
				break
			}
			at, id, ok = Reference(Value(above.Cells, p.Column))
		}
	}
	return false
}

// compileParental finds the lookups by which rows of t hang on others of t.
func (t *Table) compileParental() {
	for i := range t.Columns {
		for n, target := range t.Columns[i].Targets {
			if target.Parental && target.Table == t.Name {
				t.parental = append(t.parental, Incoming{t, i, byte(n)})
			}
		}
	}
}
