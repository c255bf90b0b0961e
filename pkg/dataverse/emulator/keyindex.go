package emulator

import "github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"

// This file is the state of a key's index: a key addresses rows and is enforced only while it is Active.

// keyStatus returns the status of the key of that name; schema.Active when there is none.
func (t *table) keyStatus(name string) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, k := range t.keys {
		if k.name == name {
			return k.status
		}
	}
	return schema.Active
}

// setKeyStatus changes the status of the key of that name, and reports whether there is one. A key whose values are not unique becomes Failed
// instead of Active.
func (t *table) setKeyStatus(name, status string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, k := range t.keys {
		if k.name == name {
			t.setStatus(k, status)
			return true
		}
	}
	return false
}

// setStatus changes a key; its index is made anew, since nothing kept it whole while duplicates were let in. The caller holds t.mu.
func (t *table) setStatus(k *key, status string) {
	if status == schema.Active && !k.active() && !t.rebuild(k) {
		status = schema.Failed
	}
	k.status = status
	k.usable.Store(status == schema.Active)
}

// rebuild fills the index of a key from the rows. It reports whether their values are unique.
func (t *table) rebuild(k *key) bool {
	index := make(map[string]*row, len(t.rows))
	var scratch [256]byte
	for _, r := range t.rows {
		norm, ok := t.normal(scratch[:0], k.columns, r.cells)
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
