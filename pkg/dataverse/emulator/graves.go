package emulator

import (
	"cmp"
	"slices"

	"github.com/google/uuid"
)

// This file is what change tracking needs: which rows were written or deleted after a version.

// maxGraves is how many deletes a table remembers at least. A deltaLink from before the first of them has expired.
const maxGraves = 100_000

// Graves are the deletes of a table, oldest first.
type graves struct {
	deleted   []grave
	forgotten uint64 // version of the youngest delete that is not remembered any more
}

type grave struct {
	id      uuid.UUID
	version uint64
}

// dig remembers a delete.
func (g *graves) dig(id uuid.UUID, version uint64) {
	if len(g.deleted) == 2*maxGraves {
		g.forgotten = g.deleted[maxGraves-1].version
		g.deleted = append(g.deleted[:0], g.deleted[maxGraves:]...)
	}
	g.deleted = append(g.deleted, grave{id, version})
}

// undig forgets the delete of a row that was rolled back.
func (g *graves) undig(id uuid.UUID) {
	for i := len(g.deleted) - 1; i >= 0; i-- {
		if g.deleted[i].id == id {
			g.deleted = slices.Delete(g.deleted, i, i+1)
			return
		}
	}
}

// remove takes r out of the table as of the version, and remembers it. The caller holds t.mu.
func (t *table) remove(r *row, version uint64) {
	t.removeRow(r)
	t.graves.dig(r.id, version)
}

// restore brings a removed row back to its place, without going through the others: there may be a million. Its delete is forgotten. The caller
// holds t.mu.
func (t *table) restore(r *row) {
	t.graves.undig(r.id)
	at, kept := slices.BinarySearchFunc(t.order, r.serial, func(o *row, serial uint64) int { return cmp.Compare(o.serial, serial) })
	if kept {
		t.dead--
	} else {
		t.order = slices.Insert(t.order, at, r)
	}
	t.enter(r)
}

// remembers reports whether all deletes after the version are remembered.
func (t *table) remembers(version uint64) bool { return version >= t.graves.forgotten }

// A change is a row that was written since, or the id of one that was deleted.
type change struct {
	version uint64
	row     *row
	id      uuid.UUID
}

// since returns the changes after the version, in their order. The caller holds t.mu.
func (t *table) since(version uint64) []change {
	var all []change
	for _, r := range t.order {
		if r.dead || r.version <= version {
			continue
		}
		all = append(all, change{version: r.version, row: r})
	}
	for _, g := range t.graves.deleted {
		if g.version > version && t.rows[g.id] == nil {
			all = append(all, change{version: g.version, id: g.id})
		}
	}
	slices.SortFunc(all, func(a, b change) int {
		if a.version < b.version {
			return -1
		}
		return 1
	})
	return all
}
