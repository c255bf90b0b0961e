package schema

import (
	"cmp"
	"hash/crc32"
	"regexp"
	"slices"
	"strings"
)

// schemaName is what the schema name of something that a customer adds looks like: with a publisher's prefix.
var schemaName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{1,7}_[A-Za-z0-9_]+$`)

// IsCustom reports whether a schema name, or a logical name, has a publisher's prefix, as everything has that a customer adds.
func IsCustom(name string) bool { return schemaName.MatchString(name) }

// custom begins a customer's table: what is not said about it has the value that it has in a new table of Dataverse.
func custom(name string) Table {
	_, plain, _ := strings.Cut(name, "_")
	logical := strings.ToLower(name)
	return Table{
		Name: logical, Schema: name, Label: plain, PrimaryID: logical + "id", TypeCode: 10000 + int(crc32.ChecksumIEEE([]byte(logical))%50000),
	}
}

// usualStates are those of a table that does not say which it has.
func usualStates() (labels []string, reasons []Option) {
	return []string{"Active", "Inactive"}, []Option{{Value: 1, Label: "Active"}, {Value: 2, Label: "Inactive", State: 1}}
}

// furnish completes the table with set, plural and columns: its primary key, the title, its own columns, and those that Dataverse adds to a table of its
// kind and ownership where it has none of that name.
func (t *Table) furnish(title Column, columns []Column, states []string, reasons []Option) {
	_, plain, _ := strings.Cut(t.Schema, "_")
	t.Set, t.Plural, t.PrimaryName = cmp.Or(t.Set, plural(t.Name)), cmp.Or(t.Plural, plural(t.Label)), title.Name
	own := func(name string) bool {
		return slices.ContainsFunc(columns, func(c Column) bool { return c.Name == name })
	}
	t.Columns = []Column{primary(t.Schema+"Id", plain)}
	if !own(title.Name) {
		t.Columns = append(t.Columns, title)
	}
	if t.Kind == KindElastic {
		t.Columns = append(t.Columns, text("PartitionId", "Partition Id", 100), integer("TTLInSeconds", "Time to live", 0, 0))
	}
	t.Columns = append(t.Columns, columns...)
	for _, c := range Common(states, reasons...) {
		if !(t.Organization && c.Type == Owner) && !own(c.Name) {
			t.Columns = append(t.Columns, c)
		}
	}
}

// plural is what Dataverse proposes.
func plural(s string) string {
	switch {
	case strings.HasSuffix(s, "y") && len(s) > 1 && !strings.ContainsRune("aeiou", rune(s[len(s)-2])):
		return s[:len(s)-1] + "ies"
	case strings.HasSuffix(s, "s") || strings.HasSuffix(s, "x") || strings.HasSuffix(s, "ch") || strings.HasSuffix(s, "sh"):
		return s + "es"
	default:
		return s + "s"
	}
}
