package metadata

import (
	"strings"

	"github.com/google/uuid"
)

// A node is one thing that a path can lead to.
type node struct {
	typ    *entityType
	values object
	// follow goes along a navigation property of the type. single tells one thing, or none, from a list.
	follow func(navigation string) (to []*node, single bool)
}

// A segment is what stands between two slashes of a path.
type segment struct {
	name  string
	keyed bool
	key   address
}

// An address is what stands in parentheses: LogicalName='account', or a MetadataId.
type address struct {
	property string
	text     string
	id       uuid.UUID
}

func (a address) literal() string {
	if a.property == "" {
		return a.id.String()
	}
	return a.property + "='" + strings.ReplaceAll(a.text, "'", "''") + "'"
}

// split reads a path, slashes in quotes excepted.
func split(path string) ([]segment, error) {
	var segments []segment
	quoted, from := false, 0
	path = strings.TrimSuffix(path, "/")
	for i := 0; i <= len(path); i++ {
		if i < len(path) {
			if path[i] == '\'' {
				quoted = !quoted
			}
			if path[i] != '/' || quoted {
				continue
			}
		}
		s, ok := parseSegment(path[from:i])
		if !ok || quoted {
			return nil, refuse(Path, "URL was not parsed due to an ODataUnrecognizedPathException. Resource not found for the segment provided in the URL.")
		}
		segments = append(segments, s)
		from = i + 1
	}
	return segments, nil
}

func parseSegment(text string) (s segment, ok bool) {
	name, key, keyed := strings.Cut(text, "(")
	if !keyed || key == ")" { // ManyToOneRelationships() is the list as well
		return segment{name: name}, name != ""
	}
	key, ok = strings.CutSuffix(key, ")")
	if !ok || name == "" {
		return s, false
	}
	s = segment{name: name, keyed: true}
	property, value, named := strings.Cut(key, "=")
	if !named {
		value = key
	}
	value = strings.TrimSpace(value)
	if id, err := uuid.Parse(value); err == nil && (!named || property == "MetadataId") {
		s.key.id = id
		return s, true
	}
	if !named || len(value) < 2 || value[0] != '\'' || value[len(value)-1] != '\'' {
		return s, false
	}
	s.key.property = strings.TrimSpace(property)
	s.key.text = strings.ReplaceAll(value[1:len(value)-1], "''", "'")
	return s, s.key.property != "MetadataId"
}

// A place is where a path leads.
type place struct {
	path     []segment
	declared *entityType
	nodes    []*node
	single   bool
	property string // of the only node, when the path ends in one
	below    []string
}

// resolve follows a path from one of the three sets.
func (m *Model) resolve(segments []segment) (*place, error) {
	p := &place{path: segments}
	switch segments[0].name {
	case "EntityDefinitions":
		p.declared, p.nodes = entity, m.entities(segments[0])
	case "GlobalOptionSetDefinitions":
		p.declared, p.nodes = optionSetBase, m.globalOptionSets()
	case "RelationshipDefinitions":
		p.declared, p.nodes = relationshipBase, m.relationships()
	default:
		return nil, refuse(Segment, "Resource not found for the segment '%s'.", segments[0].name)
	}
	if err := p.address(segments[0]); err != nil {
		return nil, err
	}
	for i, s := range segments[1:] {
		cast, isCast := strings.CutPrefix(s.name, "Microsoft.Dynamics.CRM.")
		var err error
		switch {
		case isCast:
			err = p.cast(cast)
		case !p.single || len(p.nodes) == 0:
			err = refuse(Segment, "Resource not found for the segment '%s'.", s.name)
		case p.declared.navigates(s.name) != nil:
			target := p.declared.navigates(s.name)
			p.nodes, p.single = p.nodes[0].follow(s.name)
			p.declared = target
			err = p.address(s)
		case p.declared.has(s.name) && !s.keyed:
			p.property = s.name
			for _, below := range segments[i+2:] {
				p.below = append(p.below, below.name)
			}
			return p, nil
		default:
			err = refuse(Segment, "Resource not found for the segment '%s'.", s.name)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

// cast keeps what is of a derived type.
func (p *place) cast(name string) error {
	t := castTo(name, p.declared)
	if t == nil {
		return refuse(Path, "The type 'Microsoft.Dynamics.CRM.%s' cannot be used as a cast of 'Microsoft.Dynamics.CRM.%s'.", name, p.declared.name)
	}
	p.declared = t
	var kept []*node
	for _, n := range p.nodes {
		if n.typ.is(t) {
			kept = append(kept, n)
		}
	}
	p.nodes = kept
	return nil
}

// address picks the one thing that a segment's key names.
func (p *place) address(s segment) error {
	if !s.keyed {
		return nil
	}
	if p.single || s.key.property != "" && s.key.property != p.declared.key {
		return refuse(Path, "The key in the request URI is not valid for resource 'Microsoft.Dynamics.CRM.%s'.", p.declared.name)
	}
	for _, n := range p.nodes {
		if s.key.property == "" && n.values["MetadataId"] == s.key.id || s.key.property != "" && n.values[s.key.property] == s.key.text {
			p.nodes, p.single = []*node{n}, true
			return nil
		}
	}
	switch {
	case p.declared == entity && s.key.property != "":
		return refuse(Missing, "Could not find an entity with name %s and id 00000000-0000-0000-0000-000000000000.", s.key.text)
	case p.declared == entity:
		return refuse(Missing, "Could not find an entity with name  and id %s.", s.key.id)
	case p.declared == attribute && s.key.property != "":
		return refuse(Missing, "Could not find an attribute with specified name: %s", s.key.text)
	default:
		return refuse(Missing, "Could not find a %s with %s.", p.declared.name, s.key.literal())
	}
}

// A Place is what the path of a write to metadata names.
type Place struct {
	Set   string // EntityDefinitions, Attributes, Keys, RelationshipDefinitions or GlobalOptionSetDefinitions
	Table string // of Attributes and Keys, and of one of EntityDefinitions: the table's logical name
	Name  string // the one thing in the set: its logical name, of relationships the schema name, of choices the name; empty for the set itself
}

// Place tells what a path names. An error is an *Error.
func (m *Model) Place(path string) (Place, error) {
	segments, err := split(path)
	if err != nil {
		return Place{}, err
	}
	at, err := m.resolve(segments)
	if err != nil {
		return Place{}, err
	}
	p := Place{}
	for _, s := range segments {
		if !strings.HasPrefix(s.name, "Microsoft.Dynamics.CRM.") {
			p.Set = s.name
		}
	}
	if at.property != "" || len(segments) > 1 && p.Set != "Attributes" && p.Set != "Keys" && p.Set != segments[0].name {
		return Place{}, refuse(Path, "The path '%s' names nothing that can be written.", path)
	}
	if segments[0].keyed && segments[0].name == "EntityDefinitions" {
		of := m.entities(segments[0])
		p.Table, _ = of[0].values["LogicalName"].(string) // there is one, or resolve would have failed
	}
	if at.single && len(at.nodes) == 1 {
		p.Name, _ = at.nodes[0].values[at.declared.key].(string)
	}
	return p, nil
}

// valueAnswer answers a path that ends in a property, or in a part of one.
func (p *place) valueAnswer(context string, l languages) (map[string]any, error) {
	v := p.nodes[0].values[p.property]
	for _, name := range p.below {
		inner, ok := v.(object)
		if !ok {
			return nil, refuse(Segment, "Resource not found for the segment '%s'.", name)
		}
		if v, ok = inner[name]; !ok {
			return nil, refuse(Segment, "Resource not found for the segment '%s'.", name)
		}
	}
	out := object{"value": v}
	if inner, ok := v.(object); ok {
		out = inner
	}
	out["@odata.context"] = context
	l.limit(out)
	return out, nil
}
