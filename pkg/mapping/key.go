package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// match compiles what addresses the record: the normalised key that the ledger knows it by, and the address.
func (c *compiler) match() {
	f := spec.Field{Column: "to.match.key", At: c.Sync.At}
	match, from := c.Sync.To.Match, strings.Join(c.Sync.From.Key, ", ")
	if len(match) == 0 || len(c.Sync.From.Key) == 0 {
		c.report(f, from, "there is no key", "set from.key and to.match.key")
		return
	}
	byID := len(match) == 1 && match[0] == c.plan.idColumn
	if !byID {
		// The name of a key stands for its columns.
		for _, k := range c.Table.Keys {
			if len(match) == 1 && k.Name == match[0] {
				match = k.Columns
			}
		}
		if !c.usable(f, from, c.plan.table, c.plan.idColumn, c.Table.Keys, match) {
			return
		}
	}
	c.keys = match
	if len(c.keys) != len(c.Sync.From.Key) {
		c.report(f, from, fmt.Sprintf("the key has %d columns (%s) and from.key has %d", len(c.keys), strings.Join(c.keys, ", "), len(c.Sync.From.Key)),
			"give one warehouse column for each, in the same order")
		return
	}
	var columns []*dataverse.Column
	var sources []source
	for i, name := range c.keys {
		column, found := c.Table.Column(name)
		if !found && !byID {
			c.report(f, c.Sync.From.Key[i], fmt.Sprintf("table %s has no column %s", c.plan.table, name), "")
			return
		}
		s, found := c.source(f, c.Sync.From.Key[i])
		if !found {
			return
		}
		columns, sources = append(columns, column), append(sources, s)
	}
	c.plan.keySources = sources
	if byID {
		f.Column, columns = c.plan.idColumn, nil
	}
	parts := c.parts(f, columns, c.plan.table, sources)
	c.plan.key = keyExpr(parts, sources)
	if c.plan.operation != penstock.Create {
		c.plan.address = parts
		return
	}
	c.created(f, byID, columns, sources)
}

// mappedKey leaves out of the body what the address says already. The two must agree: a record would be made under the
// body's key, and never be found again under the address's.
func (c *compiler) mappedKey(f spec.Field, i int) {
	from := strings.Join(f.Sources(), ", ")
	changes := ""
	for _, option := range []struct {
		name  string
		given bool
	}{
		{"const", f.Const != ""},
		{"expr", f.Expr != ""},
		{"template", f.Template != ""},
		{"to: {from: …}", f.ToFrom != ""},
	} {
		if option.given {
			changes = option.name
			break
		}
	}
	column, found := c.Table.Column(f.Column)
	switch {
	case i >= len(c.Sync.From.Key):
	case changes != "":
		c.report(f, from, "the column is matched on, and written as "+c.Sync.From.Key[i]+" gives it: "+changes+" would make another record of it",
			"drop it from map, and change the key in the model: "+c.Sync.From.Key[i])
	case from != c.Sync.From.Key[i]:
		c.report(f, from, "the column is matched on "+c.Sync.From.Key[i]+", and cannot be filled from another column",
			"drop it from map: the key is written without it")
	case len(f.By) == 1 && found && !slices.ContainsFunc(column.Targets, func(t dataverse.Target) bool { return t.PrimaryID == f.By[0].Key }):
		c.report(f, from, "a lookup within a key is addressed by the GUID of the other record, not by "+f.By[0].Key,
			"drop it from map: the key is written without it, from the GUIDs of "+from)
	}
}

// created compiles the key of a record that is to be made: a POST has no address, so the body says it all. Its GUID is the
// key where that is one, and derives from it otherwise, so that a second attempt meets the first one's record.
func (c *compiler) created(f spec.Field, byID bool, columns []*dataverse.Column, sources []source) {
	if byID {
		c.value(spec.Field{Column: c.plan.idColumn, At: f.At}, &dataverse.Column{Name: c.plan.idColumn, Type: dataverse.GUID}, sources[0])
		return
	}
	c.plan.seed = strings.ToLower(c.Organization) + "\x00" + c.Sync.ID().String() + "\x00"
	for i, column := range columns {
		if column.Type == dataverse.Lookup {
			if len(column.Targets) != 1 { // the address of an upsert names no table, and the body of a create must
				c.report(f, sources[i].name, column.Name+" may name records of several tables, which mode: create cannot match on", "set mode: upsert")
				continue
			}
			c.lookup(spec.Field{
				Column: column.Name, At: f.At, By: []spec.Part{{Key: column.Targets[0].PrimaryID, From: sources[i].name}},
			}, column)
			continue
		}
		c.value(spec.Field{Column: column.Name, At: f.At}, column, sources[i])
	}
}

// usable reports whether these columns are an alternate key that Dataverse has built.
func (c *compiler) usable(f spec.Field, from, table, id string, keys []dataverse.Key, columns []string) bool {
	t := dataverse.Table{Keys: keys}
	key, found := t.Key(columns...)
	if !found {
		known := []string{id + " (the primary key)"}
		for _, k := range keys {
			if k.Active {
				known = append(known, fmt.Sprintf("%s (%s)", k.Name, strings.Join(k.Columns, ", ")))
			}
		}
		c.report(f, from, fmt.Sprintf("%s is no alternate key of table %s", strings.Join(columns, ", "), table),
			"use one of "+strings.Join(known, "; ")+"; or have it made a key (Power Apps, Tables, "+table+", Keys, New key)")
		return false
	}
	if !key.Active {
		c.report(f, from, fmt.Sprintf("the alternate key %s of table %s is not active but %s", key.Name, table, key.Status),
			indexMend(key.Status))
		return false
	}
	return true
}

// indexMend says what to do about a key whose index is not there.
func indexMend(status string) string {
	switch status {
	case "Pending":
		return "wait: Dataverse builds its index in the background, which has not begun"
	case "InProgress":
		return "wait: Dataverse is building its index, which takes hours where the table is large"
	case "Failed":
		return "whoever customises the environment: remove the rows that share the key's values, then reactivate the key (Power Apps, Tables, Keys)"
	}
	return "wait until Dataverse has built its index; when that failed, remove the duplicates and reactivate it"
}

// parts compiles the columns of a key. No columns stand for the primary key.
func (c *compiler) parts(f spec.Field, columns []*dataverse.Column, table string, sources []source) []part {
	if columns == nil {
		s := sources[0].assumed(&dataverse.Column{Type: dataverse.GUID})
		if s.class != uuid && s.class != text && s.class != fixedText {
			c.report(f, s.name, s.typ+" is no GUID", "write toUUID("+s.name+") AS "+s.name+" in the model")
		}
		return []part{{column: f.Column, source: s.name, literal: bareGUID, slot: c.readText(s), null: c.bit(s), constant: s.computed != nil}}
	}
	var parts []part
	for i, column := range columns {
		s := sources[i].assumed(column)
		p := part{column: column.Name, source: s.name, prefix: column.Name + "=", literal: bare, slot: c.readText(s), null: c.bit(s), constant: s.computed != nil}
		if i > 0 {
			p.prefix = "," + p.prefix
		}
		fits := false
		switch column.Type {
		case dataverse.Text:
			fits = s.class.spells()
			p.literal, p.prefix = quoted, p.prefix+"'"
			if table == c.plan.table {
				p.max = column.MaxLength
			}
		case dataverse.Integer, dataverse.BigInt, dataverse.Choice:
			fits = s.class == signed || s.class == unsigned || s.class == small || s.class == wide || s.class == decimal && s.scale == 0
		case dataverse.Decimal:
			fits = s.class == signed || s.class == unsigned || s.class == small || s.class == wide || s.class == decimal
		case dataverse.DateTime:
			if column.Behavior == dataverse.DateOnly {
				fits = s.class == date
			} else {
				fits = s.class == dateTime || s.class == dateTime64
			}
		case dataverse.GUID, dataverse.Lookup:
			fits = s.class == uuid || s.class == text || s.class == fixedText
			p.literal = bareGUID
			if column.Type == dataverse.Lookup {
				p.prefix = strings.TrimSuffix(p.prefix, column.Name+"=") + "_" + column.Name + "_value="
			}
		case dataverse.Unsupported, dataverse.Memo, dataverse.Double, dataverse.Money, dataverse.Boolean, dataverse.MultiChoice,
			dataverse.State, dataverse.Status:
		}
		if !fits {
			c.report(f, s.name, fmt.Sprintf("%s cannot address %s, %s", s.typ, column.Name, describe(column)), mend(column, s))
		}
		parts = append(parts, p)
	}
	return parts
}

func (c *compiler) readText(s source) int { return c.read(String, s.plain(s.text(), "''"), s.name) }

// keyExpr is SQL for the normalised key: equal for rows that meet in one record, and empty when a part is missing.
// Dataverse compares text without regard to case and to blanks at the end.
func keyExpr(parts []part, sources []source) string {
	exprs := make([]string, len(parts))
	empty := make([]string, len(parts))
	for i, s := range sources {
		exprs[i] = s.plain(s.text(), "''")
		if parts[i].literal != bare {
			exprs[i] = "lowerUTF8(trimRight(" + exprs[i] + "))"
		}
		empty[i] = exprs[i] + " = ''"
	}
	if len(exprs) == 1 {
		return exprs[0]
	}
	return "if(" + strings.Join(empty, " OR ") + ", '', concat(" + strings.Join(exprs, ", char(31), ") + "))"
}
