package emulator

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// An address is what the path of a URL, after the API root, names: a set, or one row of it.
type address struct {
	table   *store.Table
	single  bool       // one row, by id or by key
	key     *store.Key // nil for the GUID
	id      uuid.UUID
	norm    []byte         // the key's normal form
	cells   [16]store.Cell // the key's values, to fill a row that is created; columns are key.columns
	unbound *refusal.Error // a lookup in the key points at no row: one cannot be created by it
	segment []byte         // between the parentheses, as sent
	rest    []byte         // what follows: /$ref, /$count, /column, /Microsoft.Dynamics.CRM.…
	name    []byte         // first segment, when it is no entity set: a function
}

// row finds the addressed row. The caller holds the table.
func (a *address) row() *store.Row {
	if a.key != nil {
		return a.key.Row(a.norm)
	}
	return a.table.Row(a.id)
}

// missing is the 404 for the addressed row.
func (a *address) missing() *refusal.Error {
	if a.key != nil {
		return missingByKey(a.table)
	}
	return missingByID(a.table, a.id.String())
}

// relative returns what follows the API root in a URL of one of the forms of section 3.1: absolute, server-relative, or relative to the root.
func (c *call) relative(url []byte) ([]byte, *refusal.Error) {
	if i := bytes.Index(url, []byte(":/")); i == 4 || i == 5 { // http:/host too, as a client in use writes it
		host, path, _ := bytes.Cut(bytes.TrimPrefix(url[i+2:], []byte("/")), []byte("/"))
		if !strings.EqualFold(string(host), c.http.Host) && !c.server.config.Assumptions.ForeignHosts {
			return nil, refusal.BadURI.Says("The request URI '%.200s' is not of this organization, whose host is '%s'.", url, c.http.Host)
		}
		url = url[len(url)-len(path)-1:]
	}
	if rest, ok := bytes.CutPrefix(url, c.prefix); ok {
		return rest, nil
	}
	path, ok := bytes.CutPrefix(url, []byte("/api/data"))
	if !ok {
		return url, nil
	}
	version, rest, _ := bytes.Cut(bytes.TrimPrefix(path, []byte("/")), []byte("/"))
	if !validVersion(string(version)) {
		if len(version) == 0 {
			version = []byte("data")
		}
		return nil, refusal.BadURI.Says("Requested API Version '%s' was not understood. Please provide in the format /api/data/v<Major>.<Minor>/ (example: /api/data/v7.2/)", version)
	}
	return rest, nil
}

// address reads a path relative to the API root, without its query.
func (c *call) address(path []byte) (address, *refusal.Error) {
	end := bytes.IndexAny(path, "(/")
	if end < 0 {
		end = len(path)
	}
	a := address{table: c.server.sets[string(path[:end])], name: path[:end], rest: path[end:]}
	if a.table == nil && bytes.IndexByte(a.name, '%') >= 0 { // some clients encode parentheses
		if plain := parentheses(path); len(plain) < len(path) {
			return c.address(plain)
		}
	}
	if a.table == nil || len(a.rest) == 0 || a.rest[0] != '(' {
		return a, nil
	}
	close := odata.Closing(a.rest)
	if close < 0 {
		return a, unrecognized()
	}
	a.segment, a.rest, a.single = a.rest[1:close], a.rest[close+1:], true
	return a, c.resolve(&a)
}

// parentheses decodes those that are percent-encoded, and nothing else.
func parentheses(path []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(path, []byte("%28"), []byte("(")), []byte("%29"), []byte(")"))
}

func unrecognized() *refusal.Error {
	return refusal.BadURI.Says("URL was not parsed due to an ODataUnrecognizedPathException. Resource not found for the segment provided in the URL.")
}

// resolve finds out by which key the address is, and brings its values into their normal form.
func (c *call) resolve(a *address) *refusal.Error {
	if id, ok := store.ParseGUID(a.segment); ok { // the common case first
		a.id = id
		return nil
	}
	text := a.segment
	if c.request.Batch == 0 || !c.server.config.Assumptions.BatchKeysVerbatim {
		var ok bool
		if text, ok = odata.Unescape(text); !ok {
			return unrecognized()
		}
	}
	parts, ok := odata.ParseKey(text, c.parts[:0])
	if !ok {
		return unrecognized()
	}
	c.parts = parts
	if !c.server.config.Assumptions.SpecialKeyCharacters {
		for _, p := range parts {
			if p.Quoted && bytes.ContainsAny(p.Value, forbidden) {
				return unrecognized()
			}
		}
	}
	if len(parts) == 1 && (parts[0].Name == nil || string(parts[0].Name) == declaredKey(a.table.PrimaryID)) {
		if a.id, ok = store.ParseGUID(parts[0].Value); !ok || parts[0].Quoted {
			return refusal.BadURI.Says("Bad Request - Error in query syntax.")
		}
		return nil
	}
	return c.resolveKey(a, parts)
}

// declaredKey is what $metadata calls a table's primary key: users and teams have theirs from the table of all owners (section 2.6).
func declaredKey(primaryID string) string {
	if primaryID == "systemuserid" || primaryID == "teamid" {
		return "ownerid"
	}
	return primaryID
}

func (c *call) resolveKey(a *address, parts []odata.KeyPart) *refusal.Error {
	t := a.table
	k, at := keyOf(t, parts)
	if k == nil {
		resource := "Microsoft.Dynamics.CRM." + t.Name
		return refusal.BadURI.Says("The key in the request URI is not valid for resource '%[1]s'. Ensure that the names and number of key properties match the declared or "+
			"alternate key properties for the resource '%[1]s'.", resource)
	}
	a.key = k
	for i, column := range k.Columns {
		col := &t.Columns[column]
		from := len(c.scratch)
		var ok bool
		if c.scratch, ok = literalCell(c.scratch, col, parts[at[i]]); !ok {
			return refusal.BadURI.Says("Bad Request - Error in query syntax.")
		}
		a.cells[i] = store.Cell{Column: column, Value: c.scratch[from:len(c.scratch):len(c.scratch)]}
		if col.Type == schema.String && len(parts[at[i]].Value) == 0 {
			a.cells[i].Value = nil // the empty string is null
		}
	}
	start := len(c.scratch)
	for i, column := range k.Columns {
		if i > 0 {
			c.scratch = append(c.scratch, 0)
		}
		if v := a.cells[i].Value; v != nil {
			c.scratch = store.AppendNormal(c.scratch, &t.Columns[column], v)
		}
	}
	a.norm = c.scratch[start:len(c.scratch):len(c.scratch)]
	return nil
}

// Key is the part between parentheses of a URL, for RowByKey: Key("accountnumber", "A-1") is accountnumber='A-1'. Names and values
// alternate; strings are quoted, everything else is written as fmt does.
func Key(namesAndValues ...any) string {
	var b strings.Builder
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%v=", namesAndValues[i])
		if s, ok := namesAndValues[i+1].(string); ok {
			b.WriteString("'" + strings.ReplaceAll(s, "'", "''") + "'")
		} else {
			fmt.Fprintf(&b, "%v", namesAndValues[i+1])
		}
	}
	return b.String()
}

// locate resolves the URL of an existing row: accounts(guid), /accounts(key='…'), the full URL, or $1 in a change set.
func (c *call) locate(url []byte) (*store.Table, uuid.UUID, *refusal.Error) {
	if len(url) > 0 && url[0] == '$' {
		ref, ok := c.references[string(url)]
		if !ok {
			return nil, uuid.Nil, refusal.BadReference.Says("Content-ID Reference: '%s' does not exist in the batch context.", url)
		}
		return ref.table, ref.id, nil
	}
	path, err := c.relative(url)
	if err != nil {
		return nil, uuid.Nil, err
	}
	path = bytes.TrimPrefix(path, []byte("/"))
	a, err := c.address(path)
	if err != nil {
		return nil, uuid.Nil, err
	}
	if a.table == nil || !a.single || len(a.rest) > 0 {
		return nil, uuid.Nil, refusal.BadURI.Says("The URI '%.200s' does not address one record.", url)
	}
	t := a.table
	if a.key != nil && !c.server.config.Assumptions.BindWithoutRead {
		if f := c.denied(t, t.Privileges.Read); f != nil {
			return nil, uuid.Nil, f
		}
	}
	c.rlock(t)
	r := a.row()
	c.runlock(t)
	if r == nil {
		return nil, uuid.Nil, a.missing()
	}
	return t, r.ID, nil
}
