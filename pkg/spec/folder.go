package spec

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/penstock-sync/penstock/pkg/document"
)

// A Folder is all that people wrote for one deployment.
type Folder struct {
	Environments []Environment     // by file name
	Syncs        []Sync            // by file name
	Documents    []Document        // the files themselves, SQL included, in the order they were read
	Warnings     document.Problems // what is odd and breaks nothing, by file
}

// A Document is a file as it was read, for who keeps versions of it.
type Document struct {
	File string `json:"file"` // below the folder, with slashes
	Data []byte `json:"data"`
}

// Environment finds an environment by name.
func (f Folder) Environment(name string) (Environment, bool) {
	for _, e := range f.Environments {
		if e.Name == name {
			return e, true
		}
	}
	return Environment{}, false
}

// Load reads environments/*.yaml and syncs/*.yaml below dir, and the SQL that the syncs name, and checks them against
// each other. Mistakes in the files are returned as [document.Problems], all at once; what could be read is returned beside them.
func Load(dir string) (Folder, error) {
	l := loader{dir: dir, list: func(folder string) ([]string, error) {
		files, err := os.ReadDir(filepath.Join(dir, folder))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil // said like an empty one
		}
		names := make([]string, len(files))
		for i, f := range files {
			names[i] = path.Join(folder, f.Name())
		}
		return names, err
	}, open: func(name string) ([]byte, error) { return contents(filepath.Join(dir, name)) }}
	return l.load()
}

// Read is [Load] for files that have been read already, below dir wherever that is: [Folder.Documents] of a folder make
// the same folder again.
func Read(dir string, files []Document) (Folder, error) {
	l := loader{dir: dir, list: func(folder string) (names []string, _ error) {
		for _, f := range files {
			if path.Dir(f.File) == folder {
				names = append(names, f.File)
			}
		}
		return names, nil
	}, open: func(name string) ([]byte, error) {
		for _, f := range files {
			if f.File == name {
				return f.Data, nil
			}
		}
		return nil, unreadable(name, fs.ErrNotExist)
	}}
	return l.load()
}

// A loader gathers a folder. err is what no edit of a file mends.
type loader struct {
	Folder
	dir      string
	list     func(folder string) ([]string, error) // files, below dir
	open     func(name string) ([]byte, error)
	problems document.Problems
	err      error
}

func (l *loader) load() (Folder, error) {
	for _, name := range l.files("environments") {
		if data, ok := l.read(name); ok {
			e, err := ParseEnvironment(filepath.Join(l.dir, name), data)
			l.add(err)
			l.Environments = append(l.Environments, e)
		}
	}
	syncs := l.files("syncs")
	for _, name := range syncs {
		if data, ok := l.read(name); ok {
			l.sync(name, data)
		}
	}
	if len(syncs) == 0 && len(l.Environments) > 0 { // it may be applied for `penstock suggest` to write the first one
		l.Warnings = append(l.Warnings, document.Problem{
			Position: document.Position{File: filepath.Join(l.dir, "syncs")}, What: "there is no file syncs/*.yaml", Mend: "`penstock suggest` writes a first one",
		})
	}
	if l.err != nil {
		return l.Folder, l.err
	}
	l.unnamed()
	l.problems = append(l.problems, l.Check(nil)...)
	return l.Folder, l.problems.Err()
}

func (l *loader) add(err error) {
	var ps document.Problems
	if errors.As(err, &ps) {
		l.problems = append(l.problems, ps...)
	}
}

func (l *loader) problem(file, mend, format string, args ...any) {
	l.problems = append(l.problems, document.Problem{
		Position: document.Position{File: filepath.Join(l.dir, file)}, What: fmt.Sprintf(format, args...), Mend: mend,
	})
}

// files lists the YAML files of a folder.
func (l *loader) files(folder string) []string {
	all, err := l.list(folder)
	if err != nil {
		l.err = errors.Join(l.err, fmt.Errorf("read the folder of %s: %w", folder, err))
	}
	var names []string
	for _, name := range all {
		switch extension := path.Ext(name); strings.ToLower(extension) {
		case ".yaml", ".yml":
			if extension != ".yaml" {
				l.problem(name, "rename it to .yaml", "files that end in %s are not read", extension)
				continue
			}
			names = append(names, name)
		}
	}
	if len(names) == 0 && folder == "environments" {
		l.problem(folder, "is "+l.dir+" the right folder?", "there is no file %s/*.yaml", folder)
	}
	return names
}

func (l *loader) read(name string) ([]byte, bool) {
	data, err := l.open(name)
	if err != nil {
		l.problems = append(l.problems, at(err, document.Position{File: filepath.Join(l.dir, name)}, "the file"))
		return nil, false
	}
	l.Documents = append(l.Documents, Document{name, data})
	return data, true
}

// sync reads the syncs of a file, with the queries that it names, relative to its own place.
func (l *loader) sync(name string, data []byte) {
	syncs, err := ParseSync(filepath.Join(l.dir, name), data, func(file string) (string, error) {
		return l.query(path.Join(path.Dir(name), file), path.IsAbs(file))
	})
	l.add(err)
	l.Syncs = append(l.Syncs, syncs...)
}

// unnamed warns of SQL files that no sync names. Where files could not be read, nobody knows what they would have named.
func (l *loader) unnamed() {
	if len(l.problems) > 0 {
		return
	}
	all, _ := l.list("syncs") // which was listed before
	for _, name := range all {
		if path.Ext(name) == ".sql" && !slices.ContainsFunc(l.Documents, func(d Document) bool { return d.File == name }) {
			l.Warnings = append(l.Warnings, document.Problem{
				Position: document.Position{File: filepath.Join(l.dir, name)}, What: "no sync names this query",
				Mend: "name it in from.query of a sync, or delete it",
			})
		}
	}
}

// query reads a SQL file. Several syncs may share one.
func (l *loader) query(name string, absolute bool) (string, error) {
	if absolute || !filepath.IsLocal(name) {
		return "", document.Problem{What: "lies outside of " + l.dir, Mend: "move it into the folder"}
	}
	if i := slices.IndexFunc(l.Documents, func(d Document) bool { return d.File == name }); i >= 0 {
		return string(l.Documents[i].Data), nil
	}
	data, err := l.open(name)
	if p := (document.Problem{}); errors.As(err, &p) {
		all, _ := l.list(path.Dir(name)) // only to help
		var stems []string
		for _, f := range all {
			if stem, isSQL := strings.CutSuffix(path.Base(f), ".sql"); isSQL {
				stems = append(stems, stem)
			}
		}
		if near := document.Nearest(strings.TrimSuffix(path.Base(name), ".sql"), stems); near != "" {
			p.Mend = "did you mean " + near + ".sql?"
		}
		return "", p
	}
	if err != nil {
		return "", err
	}
	l.Documents = append(l.Documents, Document{name, data})
	return string(data), nil
}

// contents reads a file that people wrote. Its error is a [document.Problem] without a place.
func contents(name string) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	return data, nil
}

// unreadable says why a file cannot be read, and what to do about it.
func unreadable(name string, err error) document.Problem {
	target, isLink := os.Readlink(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && isLink == nil:
		return document.Problem{What: "is a link to " + target + ", which is not there", Mend: "mend the link, or remove it"}
	case errors.Is(err, fs.ErrNotExist):
		return document.Problem{What: "is not there", Mend: "write it, or name another"}
	case errors.Is(err, syscall.ELOOP):
		return document.Problem{What: "is a link that leads back to itself", Mend: "mend the link, or remove it"}
	case errors.Is(err, syscall.EISDIR):
		return document.Problem{What: "is a folder, not a file", Mend: "rename it, or write a file"}
	case errors.Is(err, fs.ErrPermission):
		return document.Problem{What: "may not be read by this user", Mend: "change its owner or its permissions"}
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return document.Problem{What: "cannot be read: " + err.Error()}
}

// at gives the problem that err is its place, and names what it is about.
func at(err error, place document.Position, about string) document.Problem {
	var p document.Problem
	if !errors.As(err, &p) {
		p.What = err.Error()
	}
	p.Position, p.What = place, about+" "+p.What
	return p
}
