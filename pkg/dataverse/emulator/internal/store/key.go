package store

import "github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"

// This file is the state of a key's index: a key addresses rows and is enforced only while it is Active.

// KeyStatus returns the status of the key of that name; schema.Active when there is none.
func (t *Table) KeyStatus(name string) string {
	t.RLock()
	defer t.RUnlock()
	for _, k := range t.AlternateKeys {
		if k.name == name {
			return k.status
		}
	}
	return schema.Active
}

// SetKeyStatus changes the status of the key of that name, and reports whether there is one. A key whose values are not unique becomes Failed
// instead of Active.
func (t *Table) SetKeyStatus(name, status string) bool {
	t.Lock()
	defer t.Unlock()
	for _, k := range t.AlternateKeys {
		if k.name == name {
			t.setStatus(k, status)
			return true
		}
	}
	return false
}

// setStatus changes a key; its index is made anew, since nothing kept it whole while duplicates were let in. The caller holds t.
func (t *Table) setStatus(k *Key, status string) {
	if status == schema.Active && !k.Active() && !t.rebuild(k) {
		status = schema.Failed
	}
	k.status = status
	k.usable.Store(status == schema.Active)
}

// rebuild fills the index of a key from the rows. It reports whether their values are unique.
func (t *Table) rebuild(k *Key) bool {
	index := make(map[string]*Row, len(t.rows))
	var scratch [256]byte
	for _, r := range t.rows {
		norm, ok := t.normal(scratch[:0], k.Columns, r.Cells)
		if !ok {
			continue
		}
		if _, taken := index[string(norm)]; taken {
			return false
		}
		index[string(norm)] = r
	}
	k.index = index
	return true
}
