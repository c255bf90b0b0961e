// Package metadata answers EntityDefinitions, GlobalOptionSetDefinitions and RelationshipDefinitions as Dataverse shapes them (reference
// section 6), and writes $metadata and the service document, all from tables of package schema. It holds no rows and speaks no HTTP:
// it turns the path and query of a URL into the object that is the answer.
//
// Metadata collections do not page, MetadataId is always among the properties, and what belongs to one type of columns alone takes a cast
// segment to be selected, filtered by or expanded.
package metadata

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// An object is a piece of metadata as JSON.
type object = map[string]any

// A Model is the metadata of an environment. It is safe for concurrent use as long as its functions are.
type Model struct {
	tables  []*schema.Table // by logical name
	byName  map[string]*schema.Table
	choices []Choice
	config  Config
}

// Config is what a Model takes from the environment around it.
type Config struct {
	// ID makes the MetadataId of a thing from its kind and name, always the same one.
	ID func(space, name string) uuid.UUID
	// KeyStatus tells the status of a key's index, which changes while an environment runs.
	KeyStatus func(table string, k *schema.Key) string
	// OrderBy sorts metadata by $orderby, which is refused otherwise.
	OrderBy bool
}

// A Choice is a global choice that need not have a column.
type Choice struct {
	schema.GlobalChoice
	Options []schema.Option
}

// New makes a Model of tables and global choices, which must not change afterwards. Choices of columns need not be among the choices.
func New(tables []schema.Table, choices []Choice, config Config) *Model {
	m := &Model{byName: make(map[string]*schema.Table, len(tables)), choices: choices, config: config}
	for i := range tables {
		m.tables = append(m.tables, &tables[i])
		m.byName[tables[i].Name] = &tables[i]
	}
	slices.SortFunc(m.tables, func(a, b *schema.Table) int { return cmp.Compare(a.Name, b.Name) })
	return m
}

// Set reports whether a path that begins with this name is for Answer.
func Set(name string) bool {
	return name == "EntityDefinitions" || name == "GlobalOptionSetDefinitions" || name == "RelationshipDefinitions"
}

// A Reason says what is wrong with a request for metadata, and so which status it gets.
type Reason int

// The reasons.
const (
	Query   Reason = iota // a query option: 400
	Path                  // the path cannot be parsed: 400
	Segment               // a segment of the path is unknown: 404
	Missing               // no such table, column, key, relationship or choice: 404
)

// An Error is a refusal, in the words of Dataverse.
type Error struct {
	Reason  Reason
	Message string
}

func (e *Error) Error() string { return e.Message }

func refuse(reason Reason, format string, args ...any) error {
	return &Error{reason, fmt.Sprintf(format, args...)}
}

// Answer returns the body of a GET: path and query follow the API root, which @odata.context begins with. An error is an *Error.
func (m *Model) Answer(root, path, query string) (map[string]any, error) {
	segments, err := split(path)
	if err != nil {
		return nil, err
	}
	o, languages, err := m.options(query)
	if err != nil {
		return nil, err
	}
	at, err := m.resolve(segments)
	if err != nil {
		return nil, err
	}
	context := root + "$metadata#" + at.context(o)
	switch {
	case at.property != "":
		return at.valueAnswer(context, languages)
	case at.single:
		if len(at.nodes) == 0 {
			return nil, refuse(Missing, "Resource not found for the segment '%s'.", segments[len(segments)-1].name)
		}
		out, err := at.nodes[0].render(at.declared, o)
		if err != nil {
			return nil, err
		}
		out["@odata.context"] = context + "/$entity"
		languages.limit(out)
		return out, nil
	}
	value, err := renderAll(at.nodes, at.declared, o)
	if err != nil {
		return nil, err
	}
	out := object{"@odata.context": context, "value": value}
	if o.Count {
		out["@odata.count"] = len(value)
	}
	languages.limit(out)
	return out, nil
}

// render makes the JSON of a node that stands where the declared type was promised.
func (n *node) render(declared *entityType, o odata.Options) (object, error) {
	out := object{}
	if o.Select == nil {
		for name, v := range n.values {
			out[name] = v
		}
	}
	for _, name := range o.Select {
		if !declared.has(name) {
			if declared.navigates(name) == nil {
				return nil, unknown(name, declared)
			}
			continue // what is expanded may be selected, too
		}
		out[name] = n.values[name]
	}
	out["MetadataId"] = n.values["MetadataId"]
	if declared.mixed {
		out["@odata.type"] = "#Microsoft.Dynamics.CRM." + n.typ.name
	}
	for _, e := range o.Expand {
		target := declared.navigates(e.Name)
		if target == nil {
			return nil, unknown(e.Name, declared)
		}
		nodes, single := n.follow(e.Name)
		if !single {
			list, err := renderAll(nodes, target, e.Options)
			if err != nil {
				return nil, err
			}
			out[e.Name] = list
			continue
		}
		out[e.Name] = nil
		if len(nodes) > 0 {
			one, err := nodes[0].render(target, e.Options)
			if err != nil {
				return nil, err
			}
			out[e.Name] = one
		}
	}
	return out, nil
}

func renderAll(nodes []*node, declared *entityType, o odata.Options) ([]object, error) {
	if err := check(o, declared); err != nil {
		return nil, err
	}
	list := make([]object, 0, len(nodes))
	for _, n := range sorted(nodes, o.Order) {
		if o.Filter != nil {
			found, err := holds(o.Filter, n.values)
			if err != nil {
				return nil, err
			}
			if !found {
				continue
			}
		}
		one, err := n.render(declared, o)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

func unknown(name string, t *entityType) error {
	return refuse(Query, "Could not find a property named '%s' on type 'Microsoft.Dynamics.CRM.%s'.", name, t.name)
}

// context is what follows $metadata# in @odata.context.
func (p *place) context(o odata.Options) string {
	var b strings.Builder
	for i, s := range p.path {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(s.name)
		if s.keyed && i < len(p.path)-1 {
			b.WriteString("(" + s.key.literal() + ")")
		}
	}
	var names []string
	names = append(names, o.Select...)
	for _, e := range o.Expand {
		names = append(names, e.Name+"("+strings.Join(e.Options.Select, ",")+")")
	}
	if len(names) > 0 {
		b.WriteString("(" + strings.Join(names, ",") + ")")
	}
	return b.String()
}
