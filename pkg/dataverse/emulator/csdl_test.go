package emulator_test

import (
	"encoding/xml"
	"slices"
	"strings"
	"testing"
)

// The parts of CSDL that refer to each other.
type csdl struct {
	Schema struct {
		EntityType []struct {
			Name, BaseType string `xml:",attr"`
			Key            []struct {
				PropertyRef struct {
					Name string `xml:",attr"`
				}
			}
			Property []struct {
				Name, Type string `xml:",attr"`
			}
			NavigationProperty []struct {
				Name, Type, Partner   string `xml:",attr"`
				ReferentialConstraint []struct {
					Property, ReferencedProperty string `xml:",attr"`
				}
			}
		}
		ComplexType []struct {
			Name     string `xml:",attr"`
			Property []struct {
				Name, Type string `xml:",attr"`
			}
		}
		EnumType []struct {
			Name string `xml:",attr"`
		}
		Function, Action []struct {
			Name      string `xml:",attr"`
			Parameter []struct {
				Name, Type string `xml:",attr"`
			}
			ReturnType struct {
				Type string `xml:",attr"`
			}
		}
		EntityContainer struct {
			EntitySet []struct {
				Name, EntityType          string `xml:",attr"`
				NavigationPropertyBinding []struct {
					Path, Target string `xml:",attr"`
				}
			}
			FunctionImport []struct {
				Name, Function string `xml:",attr"`
			}
			ActionImport []struct {
				Name, Action string `xml:",attr"`
			}
		}
	} `xml:"DataServices>Schema"`
}

func TestTheCSDLRefersToNothingThatItDoesNotDeclare(t *testing.T) { // 7
	e := things(t)
	a := e.do("GET", "$metadata", "")
	var doc csdl
	if err := xml.Unmarshal([]byte(a.body), &doc); err != nil || a.header.Get("Content-Type") != "application/xml" {
		t.Fatalf("%v %v", err, a.header)
	}
	types, members, operations := map[string]bool{}, map[string]map[string]string{}, map[string]bool{}
	for _, e := range doc.Schema.EntityType {
		types["mscrm."+e.Name] = true
		members[e.Name] = map[string]string{}
		for _, p := range e.Property {
			members[e.Name][p.Name] = p.Type
		}
		for _, n := range e.NavigationProperty {
			if members[e.Name][n.Name] != "" {
				t.Errorf("%s has two members %s", e.Name, n.Name)
			}
			members[e.Name][n.Name] = n.Type
		}
	}
	for _, c := range doc.Schema.ComplexType {
		types["mscrm."+c.Name] = true
	}
	for _, c := range doc.Schema.EnumType {
		types["mscrm."+c.Name] = true
	}
	known := func(where, typ string) {
		typ = strings.TrimSuffix(strings.TrimPrefix(typ, "Collection("), ")")
		if typ != "" && !strings.HasPrefix(typ, "Edm.") && !types[typ] {
			t.Errorf("%s is of the type %s, which is not declared", where, typ)
		}
	}
	for _, e := range doc.Schema.EntityType {
		known(e.Name, e.BaseType)
		for _, k := range e.Key {
			if members[e.Name][k.PropertyRef.Name] != "Edm.Guid" {
				t.Errorf("the key of %s is no property: %s", e.Name, k.PropertyRef.Name)
			}
		}
		for _, n := range e.NavigationProperty {
			known(e.Name+"."+n.Name, n.Type)
			target := strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(n.Type, "Collection("), ")"), "mscrm.")
			if n.Partner != "" && members[target][n.Partner] == "" {
				t.Errorf("%s.%s: %s has no partner %s", e.Name, n.Name, target, n.Partner)
			}
			for _, c := range n.ReferentialConstraint {
				if members[e.Name][c.Property] != "Edm.Guid" || members[target][c.ReferencedProperty] != "Edm.Guid" {
					t.Errorf("%s.%s: constraint %v", e.Name, n.Name, c)
				}
			}
		}
	}
	for _, o := range slices.Concat(doc.Schema.Function, doc.Schema.Action) {
		operations["Microsoft.Dynamics.CRM."+o.Name] = true
		known(o.Name, o.ReturnType.Type)
		for _, p := range o.Parameter {
			known(o.Name, p.Type)
		}
	}
	for _, c := range doc.Schema.ComplexType {
		for _, p := range c.Property {
			known(c.Name+"."+p.Name, p.Type)
		}
	}
	sets := map[string]bool{}
	for _, s := range doc.Schema.EntityContainer.EntitySet {
		sets[s.Name] = true
	}
	for _, s := range doc.Schema.EntityContainer.EntitySet {
		name := strings.TrimPrefix(s.EntityType, "Microsoft.Dynamics.CRM.")
		for _, b := range s.NavigationPropertyBinding {
			if members[name][b.Path] == "" || !sets[b.Target] {
				t.Errorf("%s binds %s to %s", s.Name, b.Path, b.Target)
			}
		}
	}
	for _, f := range doc.Schema.EntityContainer.FunctionImport {
		if !operations[f.Function] {
			t.Errorf("the function %s is imported, but not declared", f.Name)
		}
	}
	for _, f := range doc.Schema.EntityContainer.ActionImport {
		if !operations[f.Action] {
			t.Errorf("the action %s is imported, but not declared", f.Name)
		}
	}
	for member, want := range map[string]string{
		"_parentcustomerid_value": "Edm.Guid", "parentcustomerid_account": "mscrm.account", "ownerid": "mscrm.principal", "birthdate": "Edm.Date", "createdon": "Edm.DateTimeOffset",
		"creditlimit": "Edm.Decimal", "gendercode": "Edm.Int32", "donotemail": "Edm.Boolean", "address1_latitude": "Edm.Double", "versionnumber": "Edm.Int64",
	} {
		if got := members["contact"][member]; got != want {
			t.Errorf("contact.%s is %q, want %s", member, got, want)
		}
	}
}
