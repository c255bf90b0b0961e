package emulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/batch"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/metadata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file is the writes to metadata: tables, columns, keys, relationships and global choices are created and deleted while the server runs. They
// are there at once, without being published, and a key's index is there with the answer. What exists is not changed.

// The kinds of error that they raise.
//
//nolint:gochecknoglobals // constant table
var (
	duplicateName         = refusal.Kind{Code: "0x80047010", Name: "DuplicateName", Status: http.StatusBadRequest}
	duplicateAttribute    = refusal.Kind{Code: "0x80047013", Name: "DuplicateAttributeSchemaName", Status: http.StatusBadRequest}
	duplicateRelationship = refusal.Kind{Code: "0x8004432b", Name: "EntityRelationshipSchemaNameNotUnique", Status: http.StatusBadRequest}
	keyNameExists         = refusal.Kind{Code: "0x80060893", Name: "EntityKeyNameExists", Status: http.StatusBadRequest}
	keyColumnsExist       = refusal.Kind{Code: "0x80060894", Name: "EntityKeyWithSelectedAttributesExists", Status: http.StatusBadRequest}
	securedInKey          = refusal.Kind{Code: "0x80060896", Name: "", Status: http.StatusBadRequest}
	keyReadOnly           = refusal.Kind{Code: "0x80090112", Name: "EntityKeyAttributeNotValidForCreateAndUpdate", Status: http.StatusBadRequest}
	inUse                 = refusal.Kind{Code: "0x8004f01f", Name: "CannotDeleteInUseComponent", Status: http.StatusBadRequest}
	notCustomizable       = refusal.Kind{Code: "0x80047008", Name: "EntityIsNotCustomizable", Status: http.StatusBadRequest}
)

const publishCustomization = "prvPublishCustomization"

// customizing are the privileges that writes to metadata need.
func customizing() []string {
	all := []string{publishCustomization}
	for _, component := range components {
		all = append(all, "prvCreate"+component, "prvDelete"+component)
	}
	return all
}

// components are the things that metadata is made of, as privileges and errors name them, by the set that they are in.
var components = map[string]string{ //nolint:gochecknoglobals // constant table
	"EntityDefinitions": "Entity", "Attributes": "Attribute", "Keys": "EntityKey", "RelationshipDefinitions": "Relationship", "GlobalOptionSetDefinitions": "OptionSet",
}

// A draft is what the definitions are to become.
type draft struct {
	*call
	schemas []schema.Table
	choices []metadata.Choice
}

// draft begins with the definitions as they are. What is changed of them must be cloned before.
func (c *call) draft() *draft {
	return &draft{call: c, schemas: slices.Clone(c.server.schemas), choices: slices.Clone(c.server.choices)}
}

// define executes a POST or DELETE of metadata, in a transaction of its own.
func (c *call) define(op *batch.Operation, path string) *reply {
	if c.set > 0 {
		return failed(refusal.BadBatch.Says("Metadata operations are not supported in a change set. Send them as requests of their own, or outside change sets."))
	}
	return c.transact(func() *reply {
		place, err := c.server.model.Place(path)
		if err != nil {
			return failed(metadataRefusal(err))
		}
		method, component := string(op.Method), components[place.Set]
		switch {
		case method == http.MethodPut || method == http.MethodPatch:
			return failed(refusal.NotImplemented.Says("The emulator does not change metadata that exists; delete '%s', and create it anew.", path))
		case method == http.MethodPost && place.Name == "":
			return c.defined(c.lackingFor("prvCreate"+component), func(d *draft) (string, uuid.UUID, *refusal.Error) { return d.create(place, path, op.Body) })
		case method == http.MethodDelete && place.Name != "":
			return c.defined(c.lackingFor("prvDelete"+component), func(d *draft) (string, uuid.UUID, *refusal.Error) { return "", uuid.Nil, d.delete(place) })
		}
		return failed(refusal.MethodNotAllowed.Says("The requested resource does not support http method '%s'.", method))
	})
}

func (c *call) lackingFor(privilege string) *refusal.Error {
	if c.rights.Has(privilege) {
		return nil
	}
	return c.lacks(privilege, nil)
}

// defined makes a draft, and of that the definitions. change returns the set and the id of what was created, for OData-EntityId.
func (c *call) defined(denied *refusal.Error, change func(*draft) (set string, id uuid.UUID, f *refusal.Error)) *reply {
	if denied != nil {
		return failed(denied)
	}
	d := c.draft()
	set, id, f := change(d)
	if f != nil {
		return failed(f)
	}
	if f := d.adopt(); f != nil {
		return failed(f)
	}
	return &reply{status: http.StatusNoContent, set: set, id: id}
}

// adopt makes the draft the definitions of the server, if they hold together.
func (d *draft) adopt() *refusal.Error {
	for i := range d.schemas {
		if err := d.schemas[i].Validate(); err != nil {
			return refusal.InvalidArgument.Says("%s", strings.TrimPrefix(err.Error(), "schema: "))
		}
	}
	made, err := d.server.compiled(d.schemas, d.choices)
	if err != nil { // a duplicate detection rule names what is gone
		return inUse.Says("The component cannot be deleted because it is referenced by 1 other components: %s.", strings.TrimPrefix(err.Error(), "emulator: "))
	}
	d.server.redefine(made)
	return nil
}

// create adds what a body defines to the set.
func (d *draft) create(at metadata.Place, path string, body []byte) (set string, id uuid.UUID, f *refusal.Error) {
	switch at.Set {
	case "EntityDefinitions":
		t, err := schema.DefineTable(body, d.choice)
		if err != nil {
			return "", id, undefinable(err)
		}
		return path, derived("entity", t.Name), d.addTable(t)
	case "Attributes":
		col, err := schema.DefineColumn(body, d.choice)
		if err != nil {
			return "", id, undefinable(err)
		}
		return path, derived("attribute", at.Table+"."+col.Name), d.addColumn(at.Table, col)
	case "Keys":
		k, err := schema.DefineKey(body)
		if err != nil {
			return "", id, undefinable(err)
		}
		return path, derived("key", at.Table+"."+k.Name), d.addKey(at.Table, k)
	case "RelationshipDefinitions":
		r, err := schema.DefineRelation(body)
		if err != nil {
			return "", id, undefinable(err)
		}
		return path, derived("relationship", r.Column.Targets[0].Relationship), d.addRelation(r)
	default:
		choice, options, err := schema.DefineChoice(body)
		if err != nil {
			return "", id, undefinable(err)
		}
		return path, derived("optionset", choice.Name), d.addChoice(choice, options)
	}
}

// undefinable is the answer to a definition that cannot be used.
func undefinable(err error) *refusal.Error {
	var unsupported *schema.Unsupported
	if errors.As(err, &unsupported) {
		return refusal.NotImplemented.Says("%s", err)
	}
	return refusal.InvalidArgument.Says("%s.", err)
}

// table finds a table in the draft, nil for none. Its columns and keys are its own, to be changed.
func (d *draft) table(name string) *schema.Table {
	i := slices.IndexFunc(d.schemas, func(t schema.Table) bool { return t.Name == name })
	if i < 0 {
		return nil
	}
	t := &d.schemas[i]
	t.Columns, t.Keys = slices.Clone(t.Columns), slices.Clone(t.Keys)
	return t
}

func (d *draft) addTable(t schema.Table) *refusal.Error {
	if slices.ContainsFunc(d.schemas, func(o schema.Table) bool { return o.Name == t.Name || o.Set == t.Set }) {
		return duplicateName.Says("An entity with the specified name %s already exists. Please specify a unique name.", t.Name)
	}
	keys := t.Keys
	t.Keys = nil
	d.schemas = append(d.schemas, t)
	for _, k := range keys {
		if f := d.addKey(t.Name, k); f != nil {
			return f
		}
	}
	return nil
}

// maxColumns is how many columns a row can have: SQL Server's limit.
const maxColumns = 1024

func (d *draft) addColumn(table string, col schema.Column) *refusal.Error {
	t := d.table(table)
	switch _, there := t.Column(col.Name); {
	case there:
		return duplicateAttribute.Says("An attribute with the specified name %s already exists for entity %s.", col.Name, table)
	case len(t.Columns) >= maxColumns:
		return refusal.InvalidArgument.Says("The entity %s has %d attributes already, and can have no more.", table, maxColumns)
	}
	t.Columns = append(t.Columns, col)
	return nil
}

// addRelation adds a lookup with its relationships.
func (d *draft) addRelation(r schema.Relation) *refusal.Error {
	t := d.table(r.Table)
	if t == nil {
		return noEntity(r.Table)
	}
	if f := d.addColumn(r.Table, r.Column); f != nil {
		return f
	}
	from := d.server.tables[r.Table]
	for _, to := range r.Column.Targets {
		target := d.server.tables[to.Table]
		if target == nil {
			return noEntity(to.Table)
		}
		if d.relationship(to.Relationship, r.Column.Name) {
			return duplicateRelationship.Says("A relationship with the specified name already exists. Please specify a unique name.")
		}
		_, property := from.Properties[to.Navigation]
		_, collection := target.Incoming[to.Collection]
		if property && to.Navigation != r.Column.Name || collection {
			return duplicateRelationship.Says("The relationship %s needs the navigation properties %s and %s, of which one is there already.", to.Relationship, to.Navigation, to.Collection)
		}
	}
	return nil
}

// relationship reports whether there is one of that name, besides those of a column that is new.
func (d *draft) relationship(name, but string) bool {
	return slices.ContainsFunc(d.schemas, func(t schema.Table) bool {
		return slices.ContainsFunc(t.Columns, func(c schema.Column) bool {
			return c.Name != but && slices.ContainsFunc(c.Targets, func(to schema.Target) bool { return strings.EqualFold(t.Relationship(&c, to), name) })
		})
	})
}

func noEntity(name string) *refusal.Error {
	return refusal.InvalidArgument.Says("Could not find an entity with name %s and id 00000000-0000-0000-0000-000000000000.", name)
}

func (d *draft) addChoice(choice schema.GlobalChoice, options []schema.Option) *refusal.Error {
	if _, _, there := d.choiceNamed(choice.Name); there {
		return duplicateName.Says("An option set with the specified name %s already exists. Please specify a unique name.", choice.Name)
	}
	d.choices = append(d.choices, metadata.Choice{GlobalChoice: choice, Options: options})
	return nil
}

// choice finds the global choice that a URL names.
func (d *draft) choice(url string) (schema.GlobalChoice, []schema.Option, bool) {
	path, f := d.relative([]byte(url))
	if f != nil {
		return schema.GlobalChoice{}, nil, false
	}
	at, err := d.server.model.Place(strings.TrimPrefix(string(path), "/"))
	if err != nil || at.Set != "GlobalOptionSetDefinitions" || at.Name == "" {
		return schema.GlobalChoice{}, nil, false
	}
	return d.choiceNamed(at.Name)
}

func (d *draft) choiceNamed(name string) (schema.GlobalChoice, []schema.Option, bool) {
	for _, choice := range d.choices {
		if choice.Name == name {
			return choice.GlobalChoice, choice.Options, true
		}
	}
	for i := range d.schemas {
		for _, c := range d.schemas[i].Columns {
			if c.Global.Name == name {
				return c.Global, c.Options, true
			}
		}
	}
	return schema.GlobalChoice{}, nil, false
}

// createLookup is CreateCustomerRelationships and CreatePolymorphicLookupAttribute: a lookup with several targets.
func (c *call) createLookup(op *batch.Operation, typ schema.Type) *reply {
	var in struct {
		Lookup                 json.RawMessage
		OneToManyRelationships []json.RawMessage
	}
	if err := json.Unmarshal(op.Body, &in); err != nil {
		return failed(refusal.Payload("", "Microsoft.OData.ODataException: %s", err))
	}
	r, err := schema.DefineLookup(in.Lookup, typ, in.OneToManyRelationships)
	if err != nil {
		return failed(undefinable(err))
	}
	return c.transact(func() *reply {
		answer := c.defined(c.lackingFor("prvCreateRelationship"), func(d *draft) (string, uuid.UUID, *refusal.Error) { return "", uuid.Nil, d.addRelation(r) })
		if answer.failure != nil {
			return answer
		}
		ids := make([]uuid.UUID, len(r.Column.Targets))
		for i, to := range r.Column.Targets {
			ids[i] = derived("relationship", to.Relationship)
		}
		name := map[schema.Type]string{schema.Customer: "CreateCustomerRelationships", schema.Lookup: "CreatePolymorphicLookupAttribute"}[typ]
		return jsonReply(map[string]any{
			"@odata.context": string(c.root) + "$metadata#Microsoft.Dynamics.CRM." + name + "Response",
			"AttributeId":    derived("attribute", r.Table+"."+r.Column.Name), "RelationshipIds": ids,
		})
	})
}

// publish is PublishXml and PublishAllXml. There is nothing to do, as metadata is there at once.
func (c *call) publish() *reply {
	if f := c.lackingFor(publishCustomization); f != nil {
		return failed(f)
	}
	return &reply{status: http.StatusNoContent}
}
