package schema

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Import makes tables of a real environment's metadata: answers of the Web API that were saved as they came, one after the other or in an
// array, in any order. For each table these are
//
//	EntityDefinitions(LogicalName='contact')?$expand=Attributes,Keys,ManyToOneRelationships
//	EntityDefinitions(LogicalName='contact')/Attributes/Microsoft.Dynamics.CRM.<type>AttributeMetadata
//	    ?$select=LogicalName,EntityLogicalName&$expand=OptionSet,GlobalOptionSet
//
// the second for each <type> of Picklist, MultiSelectPicklist, State, Status and Boolean; scripts/save-metadata.sh asks for them.
//
// Notes name what the emulator cannot have: columns of types without values (party lists, managed properties), and lookups to tables that are
// neither among the answers nor standard ones. MetadataIds, and labels of the environment's language where it is not English, are not
// kept apart. The error tells which answer is missing or cannot be read.
func Import(r io.Reader) (tables []Table, notes []string, err error) {
	in := &importer{tables: map[string]*tableJSON{}, ids: map[string]string{}}
	if err := in.read(r); err != nil {
		return nil, nil, err
	}
	known := map[string]bool{}
	for _, t := range Standard() {
		known[t.Name] = true
	}
	for _, name := range in.order {
		known[name] = true
	}
	var problems []error
	for _, name := range in.order {
		t, err := in.table(in.tables[name], known)
		if err == nil {
			err = t.Validate()
		}
		problems = append(problems, err)
		tables = append(tables, t)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, nil, err
	}
	return tables, in.notes, nil
}

// The metadata of Dataverse, as far as tables are made of it.
type (
	valueJSON struct{ Value string }
	labelJSON struct {
		LocalizedLabels []struct {
			Label        string
			LanguageCode int
		}
		UserLocalizedLabel *struct{ Label string }
	}
	tableJSON struct {
		LogicalName, SchemaName, EntitySetName, PrimaryIDAttribute, PrimaryNameAttribute, OwnershipType, TableType, MetadataID string
		ObjectTypeCode                                                                                                         int
		IsActivity                                                                                                             bool
		IsOptimisticConcurrencyEnabled                                                                                         *bool
		DisplayName, DisplayCollectionName                                                                                     labelJSON
		Privileges                                                                                                             []struct{ Name, PrivilegeType string }

		Attributes, Keys, ManyToOneRelationships []json.RawMessage

		columns       []*columnJSON
		keys          []keyJSON
		relationships []relationshipJSON
	}
	columnJSON struct {
		LogicalName, SchemaName, AttributeOf               string
		AttributeTypeName, RequiredLevel, DateTimeBehavior valueJSON
		FormatName                                         *valueJSON
		Format                                             any
		DisplayName                                        labelJSON
		IsValidForCreate, IsValidForUpdate, IsSecured      bool
		SourceType                                         *int
		MaxLength, Precision, MaxSizeInKB                  int
		MinValue, MaxValue                                 float64
		IsPrimaryImage                                     bool
		DefaultFormValue                                   *int
		DefaultValue                                       any
		Targets                                            []string
		OptionSet, GlobalOptionSet                         *optionSetJSON
	}
	optionSetJSON struct {
		Name                    string
		IsGlobal                bool
		DisplayName             labelJSON
		Options                 []optionJSON
		FalseOption, TrueOption *optionJSON
	}
	optionJSON struct {
		Value, State int
		Label        labelJSON
	}
	keyJSON struct {
		LogicalName, SchemaName, EntityKeyIndexStatus string
		DisplayName                                   labelJSON
		KeyAttributes                                 []string
	}
	relationshipJSON struct {
		SchemaName, ReferencingEntity, ReferencingAttribute, ReferencedEntity           string
		ReferencingEntityNavigationPropertyName, ReferencedEntityNavigationPropertyName string
		CascadeConfiguration                                                            struct{ Delete string }
	}
)

// An importer gathers answers, then makes tables of them.
type importer struct {
	tables map[string]*tableJSON // by logical name
	ids    map[string]string     // MetadataId to logical name
	order  []string
	parts  []part // what stands beside its table, in answers of its own
	notes  []string
}

// A part is a column, key or relationship; of is its table as far as the address says.
type part struct {
	text json.RawMessage
	of   string
}

// read takes all answers in.
func (in *importer) read(r io.Reader) error {
	answers := json.NewDecoder(r)
	for n := 1; ; n++ {
		var answer json.RawMessage
		if err := answers.Decode(&answer); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("schema: answer %d is not JSON; save the bodies of answers with status 200: %w", n, err)
		}
		if err := in.answer(answer, n); err != nil {
			return err
		}
	}
	if len(in.order) == 0 {
		return errors.New("schema: no answer is a table; save EntityDefinitions(LogicalName='…')?$expand=Attributes,Keys,ManyToOneRelationships")
	}
	for _, p := range in.parts {
		if err := in.part(p); err != nil {
			return err
		}
	}
	return nil
}

// answer takes one answer, or an array of them.
func (in *importer) answer(text json.RawMessage, n int) error {
	var many []json.RawMessage
	if json.Unmarshal(text, &many) == nil {
		for _, one := range many {
			if err := in.answer(one, n); err != nil {
				return err
			}
		}
		return nil
	}
	var one struct {
		Context string `json:"@odata.context"`
		Value   []json.RawMessage
		Error   *struct{ Message string }
	}
	if err := json.Unmarshal(text, &one); err != nil {
		return fmt.Errorf("schema: answer %d is not an answer of the Web API: %w", n, err)
	}
	if one.Error != nil {
		return fmt.Errorf("schema: answer %d is the error %q; mend its cause, and save it anew", n, one.Error.Message)
	}
	if one.Value == nil {
		one.Value = []json.RawMessage{text}
	}
	of := ""
	if m := definition.FindStringSubmatch(one.Context); m != nil {
		of = m[1]
	}
	for _, item := range one.Value {
		if err := in.item(item, of, n); err != nil {
			return err
		}
	}
	return nil
}

// definition finds a table in @odata.context: by logical name or MetadataId, with or without a name for the key.
var definition = regexp.MustCompile(`EntityDefinitions\((?:LogicalName=|MetadataId=)?'?([^')]+)'?\)`)

func (in *importer) item(text json.RawMessage, of string, n int) error {
	var t tableJSON
	if err := json.Unmarshal(text, &t); err != nil {
		return fmt.Errorf("schema: answer %d is not metadata: %w", n, err)
	}
	if t.EntitySetName == "" {
		in.parts = append(in.parts, part{text, of})
		return nil
	}
	if in.tables[t.LogicalName] == nil {
		in.order = append(in.order, t.LogicalName)
	}
	in.tables[t.LogicalName], in.ids[strings.ToLower(t.MetadataID)] = &t, t.LogicalName
	for _, inner := range slices.Concat(t.Attributes, t.Keys, t.ManyToOneRelationships) {
		in.parts = append(in.parts, part{inner, t.LogicalName})
	}
	return nil
}

// part enters a column, key or relationship into its table. A column may come in several parts.
func (in *importer) part(p part) error {
	var what struct {
		LogicalName, EntityLogicalName, ReferencingEntity string
		KeyAttributes                                     []string
	}
	if err := json.Unmarshal(p.text, &what); err != nil {
		return fmt.Errorf("schema: an answer holds what is not metadata: %w", err)
	}
	t := in.tables[cmp.Or(what.ReferencingEntity, what.EntityLogicalName, in.ids[strings.ToLower(p.of)], p.of)]
	switch {
	case t == nil && what.ReferencingEntity == "" && what.LogicalName == "":
		return errors.New("schema: an answer is neither table, column, key nor relationship")
	case t == nil && what.ReferencingEntity != "":
		return nil // of a table that is not wanted
	case t == nil:
		return fmt.Errorf("schema: which table is the column %s of? Save the table, and select EntityLogicalName", what.LogicalName)
	case what.ReferencingEntity != "":
		var r relationshipJSON
		err := json.Unmarshal(p.text, &r)
		t.relationships = append(t.relationships, r)
		return err
	case what.KeyAttributes != nil:
		var k keyJSON
		err := json.Unmarshal(p.text, &k)
		t.keys = append(t.keys, k)
		return err
	}
	for _, c := range t.columns {
		if c.LogicalName == what.LogicalName {
			return json.Unmarshal(p.text, c)
		}
	}
	c := &columnJSON{}
	t.columns = append(t.columns, c)
	return json.Unmarshal(p.text, c)
}

func (in *importer) note(format string, args ...any) {
	in.notes = append(in.notes, fmt.Sprintf(format, args...))
}

// text takes a label apart: English is the base, else the user's language.
func (l labelJSON) text() (string, Labels) {
	base := ""
	if l.UserLocalizedLabel != nil {
		base = l.UserLocalizedLabel.Label
	}
	var others Labels
	for _, one := range l.LocalizedLabels {
		switch {
		case one.LanguageCode == Base:
			base = one.Label
		case others == nil:
			others = Labels{one.LanguageCode: one.Label}
		default:
			others[one.LanguageCode] = one.Label
		}
	}
	if base == "" && len(l.LocalizedLabels) > 0 {
		base = l.LocalizedLabels[0].Label
	}
	return base, others
}
