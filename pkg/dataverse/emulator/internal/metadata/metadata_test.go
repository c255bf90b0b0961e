package metadata

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

func standard() *Model {
	return New(schema.Standard(), nil, Config{
		ID:        func(space, name string) uuid.UUID { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(space+":"+name)) },
		KeyStatus: func(_ string, k *schema.Key) string { return k.Status },
	})
}

func TestEveryThingHasThePropertiesOfItsTypeAndNoOthers(t *testing.T) {
	m := standard()
	nodes := append(m.entities(segment{}), m.relationships()...)
	for _, table := range m.tables {
		nodes = append(append(nodes, m.attributes(table)...), m.keys(table)...)
		for i := range table.Columns {
			if len(table.Columns[i].Options) > 0 {
				nodes = append(nodes, m.optionSet(table, &table.Columns[i]))
			}
		}
	}
	for _, n := range nodes {
		for typ := n.typ; typ != nil; typ = typ.base {
			for _, p := range typ.properties {
				if _, ok := n.values[p]; !ok {
					t.Errorf("%s %v has no %s", n.typ.name, n.values["SchemaName"], p)
				}
			}
		}
		for p := range n.values {
			if !n.typ.has(p) {
				t.Errorf("%s has %s, which its type does not list", n.typ.name, p)
			}
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []struct{ path, query string }{
		{"EntityDefinitions", "$select=LogicalName&$filter=IsCustomizable/Value eq true and not (contains(LogicalName,'x') or ObjectTypeCode gt 4)"},
		{"EntityDefinitions(LogicalName='contact')", "$expand=Attributes($select=LogicalName;$filter=IsSecured eq false;$expand=),Keys"},
		{"EntityDefinitions(LogicalName='contact')/Attributes(LogicalName='gendercode')/Microsoft.Dynamics.CRM.PicklistAttributeMetadata/OptionSet", "LabelLanguages=1033"},
		{"EntityDefinitions(608861bc-50a4-4c5f-a02c-21fe1943e2cf)/DisplayName/UserLocalizedLabel", "$orderby=x desc"},
		{"RelationshipDefinitions/Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata", "$filter=ReferencedEntity eq 'it''s'"},
		{"GlobalOptionSetDefinitions(Name='a/b')", "$filter=OwnershipType eq Microsoft.Dynamics.CRM.OwnershipTypes'UserOwned'"},
	} {
		f.Add(seed.path, seed.query)
	}
	m := standard()
	m.config.OrderBy = true
	f.Fuzz(func(t *testing.T, path, query string) {
		if strings.Count(query, "$expand")+strings.Count(query, "xpand") > 3 {
			return // an answer of many megabytes
		}
		answer, err := m.Answer("http://host/api/data/v9.2/", path, query)
		var refused *Error
		switch {
		case err != nil && (!errors.As(err, &refused) || refused.Message == "" || answer != nil):
			t.Fatalf("%v %v", answer, err)
		case err == nil:
			if _, err := json.Marshal(answer); err != nil {
				t.Fatal(err)
			}
		}
	})
}
