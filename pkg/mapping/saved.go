package mapping

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A folder of syncs can keep what their tests need to know of warehouse and environment, so that they run without either:
//
//	metadata/<environment>/<table>.json         a table of Dataverse: [SaveTable]
//	metadata/<environment>/<sync>.columns.json  the columns of a sync's model: [SaveModel]
//
// The files are for version control: one column a line, in the order of names, and nothing that changes by itself.

// savedFormat changes with what the files mean.
const savedFormat = 1

type savedModel struct {
	Format  int            `json:"format"`
	Columns []SourceColumn `json:"columns"`
}

// SavedPath is where a folder keeps the metadata of a table.
func SavedPath(environment, table string) string {
	return filepath.Join("metadata", environment, table+".json")
}

// SavedModelPath is where a folder keeps the columns of a sync's model.
func SavedModelPath(s spec.Sync) string {
	return filepath.Join("metadata", s.To.Environment, s.Name+".columns.json")
}

// SaveTable writes the metadata of a table as a folder keeps it: what nobody can write is left out, but for keys.
func SaveTable(t *dataverse.Table) ([]byte, error) {
	kept := *t
	kept.Columns = slices.DeleteFunc(slices.Clone(t.Columns), func(c dataverse.Column) bool {
		inKey := slices.ContainsFunc(t.Keys, func(k dataverse.Key) bool { return slices.Contains(k.Columns, c.Name) })
		return !c.Creatable && !c.Updatable && !inKey && c.Name != t.PrimaryID
	})
	columns, err := lines(kept.Columns, func(i int, column map[string]any) {
		column["Type"] = kept.Columns[i].Type.String() // in words: the numbers may change
		delete(column, "Schema")
		delete(column, "Secured")
	})
	if err != nil {
		return nil, err
	}
	keys, err := lines(t.Keys, func(int, map[string]any) {})
	if err != nil {
		return nil, err
	}
	kept.Columns, kept.Keys = nil, nil
	head, err := lines([]dataverse.Table{kept}, func(int, map[string]any) {})
	if err != nil {
		return nil, err
	}
	rest := strings.TrimSuffix(strings.TrimSpace(head), "}")
	return fmt.Appendf(nil, "{\n\"format\": %d,\n\"table\": %s,\n\"Keys\": [\n%s\n],\n\"Columns\": [\n%s\n]}\n}\n", savedFormat, rest, keys, columns), nil
}

// SaveModel writes the columns of a model as a folder keeps them.
func SaveModel(columns []SourceColumn) ([]byte, error) {
	list, err := lines(columns, func(int, map[string]any) {})
	return fmt.Appendf(nil, "{\n\"format\": %d,\n\"columns\": [\n%s\n]\n}\n", savedFormat, list), err
}

// lines writes each value on a line, without what is empty in it.
func lines[T any](values []T, edit func(i int, object map[string]any)) (string, error) {
	all := make([]string, len(values))
	for i, v := range values {
		object, err := plainObject(v)
		if err != nil {
			return "", err
		}
		edit(i, object)
		data, err := json.Marshal(object)
		if err != nil {
			return "", err
		}
		all[i] = string(data)
	}
	return strings.Join(all, ",\n"), nil
}

// plainObject is a value as JSON has it, without what is empty.
func plainObject(v any) (map[string]any, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	drop(object)
	return object, nil
}

func drop(v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			drop(value)
			list, isList := value.([]any)
			if value == nil || value == "" || value == false || value == json.Number("0") && name != "Value" || isList && len(list) == 0 {
				delete(v, name)
			}
		}
	case []any:
		for _, item := range v {
			drop(item)
		}
	}
}

// Saved gives what [Compile] and [Try] need for a sync from what the folder dir keeps. An error says what is missing, and how to
// get it.
func Saved(dir string, s spec.Sync) (Input, error) {
	in := Input{Sync: s, Organization: "00000000-0000-0000-0000-000000000000", Targets: map[string]*dataverse.Table{}}
	var err error
	if in.Table, err = readTable(dir, s.To.Environment, s.To.Table); err != nil {
		return in, err
	}
	in.Targets[s.To.Table] = in.Table
	for _, name := range Targets(s, in.Table) {
		if in.Targets[name], err = readTable(dir, s.To.Environment, name); err != nil {
			return in, err
		}
	}
	var model savedModel
	path := SavedModelPath(s)
	data, err := os.ReadFile(filepath.Join(dir, path))
	if errors.Is(err, fs.ErrNotExist) {
		return in, absent(path, s.To.Environment, dir)
	}
	if err == nil {
		err = decodeSaved(data, &model, &model.Format)
	}
	if err != nil {
		return in, fmt.Errorf("%s: %w; run `penstock metadata %s %s`", path, err, s.To.Environment, dir)
	}
	in.Model = model.Columns
	return in, nil
}

func readTable(dir, environment, name string) (*dataverse.Table, error) {
	path := SavedPath(environment, name)
	data, err := os.ReadFile(filepath.Join(dir, path))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, absent(path, environment, dir)
	}
	if err != nil {
		return nil, err
	}
	t, err := LoadTable(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; run `penstock metadata %s %s`", path, err, environment, dir)
	}
	return t, nil
}

func absent(path, environment, dir string) error {
	return fmt.Errorf("there is no %s; run `penstock metadata %s %s`, with Penstock running, and commit what it writes", path, environment, dir)
}

// LoadTable reads what [SaveTable] wrote.
func LoadTable(data []byte) (*dataverse.Table, error) {
	var saved struct {
		Format int `json:"format"`
		Table  struct {
			dataverse.Table
			Columns []struct {
				dataverse.Column
				Type string
			}
		} `json:"table"`
	}
	if err := decodeSaved(data, &saved, &saved.Format); err != nil {
		return nil, err
	}
	t := saved.Table.Table
	for _, c := range saved.Table.Columns {
		known := false
		for typ := dataverse.Unsupported; typ.String() != "invalid"; typ++ {
			if typ.String() == c.Type {
				c.Column.Type, known = typ, true
			}
		}
		if !known {
			return nil, fmt.Errorf("%s is of a type %q that this version does not know", c.Name, c.Type)
		}
		t.Columns = append(t.Columns, c.Column)
	}
	slices.SortFunc(t.Columns, func(a, b dataverse.Column) int { return strings.Compare(a.Name, b.Name) })
	return &t, nil
}

// decodeSaved reads one file. format is where the file's format is read to.
func decodeSaved(data []byte, into any, format *int) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	if *format != savedFormat {
		return fmt.Errorf("it is of format %d, and this version reads %d", *format, savedFormat)
	}
	return nil
}
