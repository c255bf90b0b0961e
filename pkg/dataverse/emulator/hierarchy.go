package emulator

// loops reports whether the changes hang r, by a parental lookup, on a row that hangs on r. The caller holds t.
func (t *table) loops(r *row, changes []cell) bool {
	for _, p := range t.parental {
		v, set := get(changes, p.column)
		for at, id, ok := reference(v); set && ok && at == p.index; {
			if id == r.id {
				return true
			}
			above := t.rows[id]
			if above == nil {
				break
			}
			at, id, ok = reference(value(above.cells, p.column))
		}
	}
	return false
}

// compileParental finds the lookups by which rows of t hang on others of t.
func (t *table) compileParental() {
	for i := range t.columns {
		for n, target := range t.columns[i].Targets {
			if target.Parental && target.Table == t.Name {
				t.parental = append(t.parental, incoming{t, i, byte(n)})
			}
		}
	}
}
