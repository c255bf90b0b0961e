package metadata

import (
	"cmp"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// entities lists all tables, or the one that a key addresses: a client asks for one at a time, and a definition is large.
func (m *Model) entities(s segment) []*node {
	nodes := []*node{}
	for _, t := range m.tables {
		if s.keyed && s.key.text != t.Name && s.key.id != m.config.ID("entity", t.Name) {
			continue
		}
		nodes = append(nodes, &node{typ: entity, values: m.entity(t), follow: func(name string) ([]*node, bool) {
			switch name {
			case "Attributes":
				return m.attributes(t), false
			case "Keys":
				return m.keys(t), false
			case "ManyToOneRelationships":
				return m.manyToOne(t), false
			case "OneToManyRelationships":
				return m.oneToMany(t), false
			}
			return nil, false // the emulator has no many-to-many relationships
		}})
	}
	return nodes
}

func (m *Model) entity(t *schema.Table) object {
	custom := isCustom(t.Name)
	plural := cmp.Or(t.Plural, t.Label+"s")
	yes := func(name string) object { return managed(true, name) }
	no := func(name string) object { return managed(false, name) }
	var image any
	if i := slices.IndexFunc(t.Columns, func(c schema.Column) bool { return c.Type == schema.Image && c.Primary }); i >= 0 {
		image = t.Columns[i].Name
	}
	return object{
		"MetadataId": m.config.ID("entity", t.Name), "HasChanged": nil, "LogicalName": t.Name, "SchemaName": t.Schema, "EntitySetName": t.Set,
		"LogicalCollectionName": t.Set, "CollectionSchemaName": t.Schema + "s", "DisplayName": m.label(t.Label, t.Labels),
		"DisplayCollectionName": m.label(plural, nil), "Description": m.label("", nil), "PrimaryIdAttribute": t.PrimaryID,
		"PrimaryNameAttribute": orNull(t.PrimaryName), "PrimaryImageAttribute": image, "ObjectTypeCode": t.TypeCode, "OwnershipType": ownership(t),
		"TableType": t.Kind.String(), "IsActivity": t.Activity, "IsActivityParty": false, "IsPrivate": false, "IsIntersect": false,
		"IsLogicalEntity": false, "IsChildEntity": false, "IsBPFEntity": false, "IsAIRUpdated": false, "IsCustomEntity": custom, "IsManaged": !custom,
		"IsCustomizable": yes("iscustomizable"), "IsRenameable": yes("isrenameable"), "IsMappable": yes("ismappable"), "IsImportable": true,
		"IsSolutionAware": false, "IsOptimisticConcurrencyEnabled": !t.OptimisticOff, "ChangeTrackingEnabled": !t.TrackingOff,
		"CanChangeTrackingBeEnabled": yes("canchangetrackingbeenabled"), "IsAuditEnabled": no("canmodifyauditsettings"), "IsAvailableOffline": true,
		"IsDuplicateDetectionEnabled": yes("canmodifyduplicatedetectionsettings"), "IsBusinessProcessEnabled": false,
		"IsConnectionsEnabled": no("canmodifyconnectionsettings"), "IsDocumentManagementEnabled": false, "IsDocumentRecommendationsEnabled": false,
		"IsOneNoteIntegrationEnabled": false, "IsInteractionCentricEnabled": false, "IsKnowledgeManagementEnabled": false, "IsSLAEnabled": false,
		"IsMSTeamsIntegrationEnabled": false, "IsMailMergeEnabled": no("canmodifymailmergesettings"), "IsValidForQueue": no("canmodifyqueuesettings"),
		"IsValidForAdvancedFind": true, "IsEnabledForCharts": true, "IsEnabledForTrace": false, "IsEnabledForExternalChannels": false,
		"IsVisibleInMobile": no("canmodifymobilevisibility"), "IsVisibleInMobileClient": yes("canmodifymobileclientvisibility"),
		"IsReadOnlyInMobileClient": no("canmodifymobileclientreadonly"), "IsOfflineInMobileClient": no("canmodifymobileclientoffline"),
		"IsReadingPaneEnabled": true, "IsQuickCreateEnabled": false, "IsStateModelAware": has(t, schema.State), "EnforceStateTransitions": false,
		"CanCreateAttributes": yes("cancreateattributes"), "CanCreateForms": yes("cancreateforms"), "CanCreateViews": yes("cancreateviews"),
		"CanCreateCharts": yes("cancreatecharts"), "CanBeRelatedEntityInRelationship": yes("canberelatedentityinrelationship"),
		"CanBePrimaryEntityInRelationship": yes("canbeprimaryentityinrelationship"), "CanBeInManyToMany": yes("canbeinmanytomany"),
		"CanBeInCustomEntityAssociation": yes("canbeincustomentityassociation"), "SyncToExternalSearchIndex": false,
		"CanEnableSyncToExternalSearchIndex": yes("canenablesynctoexternalsearchindex"), "CanTriggerWorkflow": true,
		"CanModifyAdditionalSettings": yes("canmodifyadditionalsettings"), "CanChangeHierarchicalRelationship": yes("canchangehierarchicalrelationship"),
		"ActivityTypeMask": 0, "AutoRouteToOwnerQueue": false, "AutoCreateAccessTeams": false, "DaysSinceRecordLastModified": 0, "HasNotes": false,
		"HasActivities": false, "HasFeedback": false, "HasEmailAddresses": false, "EntityHelpUrlEnabled": false, "EntityHelpUrl": nil, "EntityColor": nil,
		"IconLargeName": nil, "IconMediumName": nil, "IconSmallName": nil, "IconVectorName": nil, "MobileOfflineFilters": nil,
		"RecurrenceBaseEntityLogicalName": nil, "ReportViewName": "Filtered" + t.Schema, "IntroducedVersion": introduced, "ExternalName": nil,
		"ExternalCollectionName": nil, "DataProviderId": nil, "DataSourceId": nil, "UsesBusinessDataLabelTable": false, "SettingOf": nil,
		"OwnerId": nil, "OwnerIdType": nil, "CreatedOn": installed, "ModifiedOn": installed, "Settings": []object{}, "Privileges": m.privileges(t),
	}
}

// isCustom reports whether a logical name begins with a publisher's prefix.
func isCustom(name string) bool {
	prefix, _, ok := strings.Cut(name, "_")
	return ok && len(prefix) >= 2 && len(prefix) <= 8 && !strings.HasPrefix(prefix, "address")
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func has(t *schema.Table, typ schema.Type) bool {
	return slices.ContainsFunc(t.Columns, func(c schema.Column) bool { return c.Type == typ })
}

// ownership tells what Dataverse says of the tables of principals apart.
func ownership(t *schema.Table) string {
	switch {
	case !t.Organization:
		return "UserOwned"
	case slices.Contains([]string{"systemuser", "team", "businessunit", "role"}, t.Name):
		return "BusinessOwned"
	default:
		return "OrganizationOwned"
	}
}

// verbs are the values of PrivilegeType; the last two are of tables whose rows have an owner.
//
//nolint:gochecknoglobals // constant table
var verbs = []string{"Create", "Read", "Write", "Delete", "Append", "AppendTo", "Assign", "Share"}

func (m *Model) privileges(t *schema.Table) []object {
	list, own := []object{}, verbs
	if t.Organization {
		own = verbs[:6]
	}
	for _, verb := range own {
		name := t.PrivilegeName(verb)
		list = append(list, object{
			"CanBeBasic": !t.Organization, "CanBeDeep": !t.Organization, "CanBeLocal": !t.Organization, "CanBeGlobal": true, "Name": name,
			"CanBeEntityReference": false, "CanBeParentEntityReference": false, "PrivilegeId": m.config.ID("privilege", name), "PrivilegeType": verb,
		})
	}
	return list
}

func (m *Model) keys(t *schema.Table) []*node {
	nodes := make([]*node, len(t.Keys))
	for i := range t.Keys {
		k := &t.Keys[i]
		nodes[i] = &node{typ: key, values: object{
			"MetadataId": m.config.ID("key", t.Name+"."+k.Name), "HasChanged": nil, "LogicalName": k.Name, "SchemaName": k.SchemaName(),
			"EntityLogicalName": t.Name, "DisplayName": m.label(k.Label, nil), "KeyAttributes": k.Columns,
			"EntityKeyIndexStatus": m.config.KeyStatus(t.Name, k), "IsManaged": !isCustom(k.Name), "IsCustomizable": managed(true, "iscustomizable"),
			"IsSynchronous": false, "IsExportKey": false, "IsSecondaryKey": false, "IntroducedVersion": "1.0.0.0", "AsyncJob": nil,
		}}
	}
	return nodes
}
