package emulator

import "net/http"

// loops fails when c.body hangs r, by a parental lookup, on a row that hangs on r. The caller holds t.
func (c *call) loops(t *table, r *row) *failure {
	for _, p := range t.parental {
		v, set := get(c.body.changes, p.column)
		for at, id, ok := reference(v); set && ok && at == p.index; {
			if id == r.id {
				return t.loop()
			}
			above := t.rows[id]
			if above == nil {
				break
			}
			at, id, ok = reference(value(above.cells, p.column))
		}
	}
	return nil
}

// loop is the refusal; accounts and contacts have codes of their own.
func (t *table) loop() *failure {
	code, name, hierarchy := "0x80040387", "EntityLoopBeingCreated", "this entity hierarchy"
	switch t.Name {
	case "account":
		code, name, hierarchy = "0x80040507", "AccountLoopBeingCreated", "Accounts hierarchy"
	case "contact":
		code, name, hierarchy = "0x8004050a", "ContactLoopBeingCreated", "Contacts hierarchy"
	}
	return kind{code, name, http.StatusBadRequest}.says("Creating this parental association would create a loop in %s.", hierarchy)
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
