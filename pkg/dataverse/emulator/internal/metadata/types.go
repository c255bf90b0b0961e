package metadata

import "strings"

// An entityType is a type of metadata: the properties that $select and $filter may name where it is promised, and the navigation properties
// that $expand may.
type entityType struct {
	name       string
	base       *entityType
	key        string // the property that addresses one beside MetadataId
	mixed      bool   // others derive from it, so items say their @odata.type
	cast       bool   // may not be a cast segment when false: the abstract ones
	properties []string
	navigation map[string]*entityType
}

func (t *entityType) has(property string) bool {
	for ; t != nil; t = t.base {
		for _, p := range t.properties {
			if p == property {
				return true
			}
		}
	}
	return false
}

func (t *entityType) navigates(name string) *entityType {
	for ; t != nil; t = t.base {
		if target := t.navigation[name]; target != nil {
			return target
		}
	}
	return nil
}

// is reports whether t is of, or derives from it.
func (t *entityType) is(of *entityType) bool {
	for ; t != nil; t = t.base {
		if t == of {
			return true
		}
	}
	return false
}

// The types, with the properties that Dataverse has, whether the emulator has anything to say in them or not: clients select them.
//
//nolint:gochecknoglobals // constant tables
var (
	optionSetBase = &entityType{
		name: "OptionSetMetadataBase", key: "Name", mixed: true,
		properties: strings.Fields(`MetadataId HasChanged Name DisplayName Description IsGlobal IsManaged IsCustomOptionSet IsCustomizable
			OptionSetType IntroducedVersion ExternalTypeName`),
	}
	optionSet = &entityType{
		name: "OptionSetMetadata", base: optionSetBase, key: "Name", cast: true, properties: []string{"Options", "ParentOptionSetName"},
	}
	booleanOptionSet = &entityType{
		name: "BooleanOptionSetMetadata", base: optionSetBase, key: "Name", cast: true, properties: []string{"TrueOption", "FalseOption"},
	}
	key = &entityType{
		name: "EntityKeyMetadata", key: "LogicalName",
		properties: strings.Fields(`MetadataId HasChanged LogicalName SchemaName EntityLogicalName DisplayName KeyAttributes EntityKeyIndexStatus
			IsManaged IsCustomizable IsSynchronous IsExportKey IsSecondaryKey IntroducedVersion AsyncJob`),
	}
	relationshipBase = &entityType{
		name: "RelationshipMetadataBase", key: "SchemaName", mixed: true,
		properties: strings.Fields(`MetadataId HasChanged SchemaName RelationshipType SecurityTypes IsCustomRelationship IsCustomizable
			IsValidForAdvancedFind IsManaged IntroducedVersion`),
	}
	oneToMany = &entityType{
		name: "OneToManyRelationshipMetadata", base: relationshipBase, key: "SchemaName", cast: true,
		properties: strings.Fields(`ReferencedEntity ReferencedAttribute ReferencingEntity ReferencingAttribute
			ReferencedEntityNavigationPropertyName ReferencingEntityNavigationPropertyName CascadeConfiguration AssociatedMenuConfiguration
			IsHierarchical RelationshipBehavior EntityKey IsRelationshipAttributeDenormalized DenormalizedAttributeName RelationshipAttributes`),
	}
	manyToMany = &entityType{
		name: "ManyToManyRelationshipMetadata", base: relationshipBase, key: "SchemaName", cast: true,
		properties: strings.Fields(`Entity1LogicalName Entity2LogicalName Entity1IntersectAttribute Entity2IntersectAttribute
			Entity1NavigationPropertyName Entity2NavigationPropertyName IntersectEntityName Entity1AssociatedMenuConfiguration
			Entity2AssociatedMenuConfiguration`),
	}
	attribute = &entityType{
		name: "AttributeMetadata", key: "LogicalName", mixed: true,
		properties: strings.Fields(`MetadataId HasChanged AttributeOf AttributeType AttributeTypeName ColumnNumber Description DisplayName
			DeprecatedVersion IntroducedVersion EntityLogicalName IsAuditEnabled IsCustomAttribute IsPrimaryId IsValidODataAttribute IsPrimaryName
			IsValidForCreate IsValidForRead IsValidForUpdate CanBeSecuredForRead CanBeSecuredForCreate CanBeSecuredForUpdate IsSecured
			IsRetrievable IsFilterable IsSearchable IsManaged IsGlobalFilterEnabled IsSortableEnabled LinkedAttributeId LogicalName
			IsCustomizable IsRenameable IsValidForAdvancedFind IsValidForForm IsRequiredForForm IsValidForGrid RequiredLevel
			CanModifyAdditionalSettings SchemaName ExternalName IsLogical IsDataSourceSecret InheritsFrom CreatedOn ModifiedOn SourceType
			AutoNumberFormat`),
	}
	enumAttribute = &entityType{
		name: "EnumAttributeMetadata", base: attribute, key: "LogicalName", properties: []string{"DefaultFormValue"},
		navigation: map[string]*entityType{"OptionSet": optionSet, "GlobalOptionSet": optionSet},
	}
	booleanSets = map[string]*entityType{"OptionSet": booleanOptionSet, "GlobalOptionSet": booleanOptionSet}
	attributes  = []*entityType{
		of(attribute, "String", `Format FormatName ImeMode MaxLength YomiOf IsLocalizable DatabaseLength FormulaDefinition SourceTypeMask`),
		of(attribute, "Memo", `Format FormatName ImeMode MaxLength IsLocalizable`),
		of(attribute, "Integer", `Format MinValue MaxValue FormulaDefinition SourceTypeMask`),
		of(attribute, "BigInt", `MinValue MaxValue`),
		of(attribute, "Decimal", `MinValue MaxValue Precision ImeMode FormulaDefinition SourceTypeMask`),
		of(attribute, "Double", `MinValue MaxValue Precision ImeMode`),
		of(attribute, "Money", `MinValue MaxValue Precision PrecisionSource CalculationOf IsBaseCurrency ImeMode FormulaDefinition SourceTypeMask`),
		of(attribute, "DateTime", `Format DateTimeBehavior CanChangeDateTimeBehavior ImeMode FormulaDefinition SourceTypeMask`),
		of(attribute, "Lookup", `Targets Format`),
		of(enumAttribute, "Picklist", `FormulaDefinition SourceTypeMask ParentPicklistLogicalName ChildPicklistLogicalNames`),
		of(enumAttribute, "MultiSelectPicklist", `FormulaDefinition SourceTypeMask ParentPicklistLogicalName ChildPicklistLogicalNames`),
		of(enumAttribute, "State", ``),
		of(enumAttribute, "Status", ``),
		of(enumAttribute, "EntityName", `IsEntityReferenceStored`),
		{
			name: "BooleanAttributeMetadata", base: attribute, key: "LogicalName", cast: true,
			properties: strings.Fields(`DefaultValue FormulaDefinition SourceTypeMask`), navigation: booleanSets,
		},
		of(attribute, "Image", `IsPrimaryImage MaxSizeInKB MaxHeight MaxWidth CanStoreFullImage`),
		of(attribute, "File", `MaxSizeInKB`),
		of(attribute, "UniqueIdentifier", ``),
	}
	entity = &entityType{
		name: "EntityMetadata", key: "LogicalName",
		properties: strings.Fields(`MetadataId HasChanged LogicalName SchemaName EntitySetName LogicalCollectionName CollectionSchemaName DisplayName
			DisplayCollectionName Description PrimaryIdAttribute PrimaryNameAttribute PrimaryImageAttribute ObjectTypeCode OwnershipType TableType
			IsActivity IsActivityParty IsPrivate IsIntersect IsLogicalEntity IsChildEntity IsBPFEntity IsAIRUpdated IsCustomEntity IsManaged
			IsCustomizable IsRenameable IsMappable IsImportable IsSolutionAware IsOptimisticConcurrencyEnabled ChangeTrackingEnabled
			CanChangeTrackingBeEnabled IsAuditEnabled IsAvailableOffline IsDuplicateDetectionEnabled IsBusinessProcessEnabled
			IsConnectionsEnabled IsDocumentManagementEnabled IsDocumentRecommendationsEnabled IsOneNoteIntegrationEnabled
			IsInteractionCentricEnabled IsKnowledgeManagementEnabled IsSLAEnabled IsMSTeamsIntegrationEnabled IsMailMergeEnabled IsValidForQueue
			IsValidForAdvancedFind IsEnabledForCharts IsEnabledForTrace IsEnabledForExternalChannels IsVisibleInMobile IsVisibleInMobileClient
			IsReadOnlyInMobileClient IsOfflineInMobileClient IsReadingPaneEnabled IsQuickCreateEnabled IsStateModelAware EnforceStateTransitions
			CanCreateAttributes CanCreateForms CanCreateViews CanCreateCharts CanBeRelatedEntityInRelationship CanBePrimaryEntityInRelationship
			CanBeInManyToMany CanBeInCustomEntityAssociation CanEnableSyncToExternalSearchIndex SyncToExternalSearchIndex
			CanModifyAdditionalSettings CanChangeHierarchicalRelationship CanTriggerWorkflow ActivityTypeMask AutoRouteToOwnerQueue
			AutoCreateAccessTeams DaysSinceRecordLastModified HasNotes HasActivities HasFeedback HasEmailAddresses EntityHelpUrlEnabled
			EntityHelpUrl EntityColor IconLargeName IconMediumName IconSmallName IconVectorName MobileOfflineFilters
			RecurrenceBaseEntityLogicalName ReportViewName IntroducedVersion ExternalName ExternalCollectionName DataProviderId DataSourceId
			UsesBusinessDataLabelTable SettingOf OwnerId OwnerIdType CreatedOn ModifiedOn Settings Privileges`),
		navigation: map[string]*entityType{
			"Attributes": attribute, "Keys": key, "ManyToOneRelationships": oneToMany, "OneToManyRelationships": oneToMany,
			"ManyToManyRelationships": manyToMany,
		},
	}
)

// of makes the type of one sort of columns.
func of(base *entityType, name, properties string) *entityType {
	return &entityType{name: name + "AttributeMetadata", base: base, key: "LogicalName", cast: true, properties: strings.Fields(properties)}
}

// castTo finds a type that may stand as a cast segment behind the declared one.
func castTo(name string, declared *entityType) *entityType {
	for _, t := range append([]*entityType{optionSet, booleanOptionSet, oneToMany, manyToMany}, attributes...) {
		if t.name == name && t.cast && t.is(declared) {
			return t
		}
	}
	return nil
}

// enums are the properties whose values are members of an enumeration, with the name of it that literals begin with.
//
//nolint:gochecknoglobals // constant table
var enums = map[string]string{
	"OwnershipType": "OwnershipTypes", "AttributeType": "AttributeTypeCode", "EntityKeyIndexStatus": "EntityKeyIndexStatus",
	"RelationshipType": "RelationshipType", "OptionSetType": "OptionSetType", "SecurityTypes": "SecurityTypes",
	"RequiredLevel/Value": "AttributeRequiredLevel", "RelationshipBehavior": "RelationshipBehavior",
}
