package store

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

// Delete takes r out of the table as of the version, and remembers it. The caller holds t.
func (t *Table) Delete(r *Row, version uint64) {
	t.Remove(r)
	t.graves.dig(r.ID, version)
}

// Undelete brings a removed row back to its place, without going through the others: there may be a million. Its delete is forgotten. The caller
// holds t.
func (t *Table) Undelete(r *Row) {
	t.graves.undig(r.ID)
	at, kept := slices.BinarySearchFunc(t.order, r.Serial, func(o *Row, serial uint64) int { return cmp.Compare(o.Serial, serial) })
	if kept {
		t.dead--
	} else {
		t.order = slices.Insert(t.order, at, r)
	}
	t.enter(r)
}

// Remembers reports whether all deletes after the version are remembered.
func (t *Table) Remembers(version uint64) bool { return version >= t.graves.forgotten }

// A Change is a row that was written since, or the id of one that was deleted.
type Change struct {
	Version uint64
	Row     *Row
	ID      uuid.UUID
}

// Since returns the changes after the version, in their order. The caller holds t.
func (t *Table) Since(version uint64) []Change {
	var all []Change
	for _, r := range t.order {
		if r.Dead || r.Version <= version {
			continue
		}
		all = append(all, Change{Version: r.Version, Row: r})
	}
	for _, g := range t.graves.deleted {
		if g.version > version && t.rows[g.id] == nil {
			all = append(all, Change{Version: g.version, ID: g.id})
		}
	}
	slices.SortFunc(all, func(a, b Change) int {
		if a.Version < b.Version {
			return -1
		}
		return 1
	})
	return all
}
