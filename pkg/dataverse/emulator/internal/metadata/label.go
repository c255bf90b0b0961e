package metadata

import (
	"maps"
	"slices"
	"strconv"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// label makes a Label: the text in the organisation's language, which is the user's too, and the translations.
func (m *Model) label(text string, translations schema.Labels) object {
	if text == "" {
		return object{"LocalizedLabels": []object{}, "UserLocalizedLabel": nil}
	}
	user := m.localized(text, schema.Base)
	labels := []object{user}
	for _, language := range slices.Sorted(maps.Keys(translations)) {
		if language != schema.Base {
			labels = append(labels, m.localized(translations[language], language))
		}
	}
	return object{"LocalizedLabels": labels, "UserLocalizedLabel": user}
}

func (m *Model) localized(text string, language int) object {
	return object{
		"Label": text, "LanguageCode": language, "IsManaged": true, "HasChanged": nil,
		"MetadataId": m.config.ID("label", strconv.Itoa(language)+" "+text),
	}
}

// managed makes a managed property.
func managed[T bool | string](v T, name string) object {
	return object{"Value": v, "CanBeChanged": true, "ManagedPropertyLogicalName": name}
}

// installed is what Dataverse says of when system metadata was made.
const installed = "1900-01-01T00:00:00Z"

const introduced = "5.0.0.0"
