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
	Environments []Environment // by file name
	Syncs        []Sync        // by file name
	Documents    []Document    // the files themselves, SQL included, in the order they were read
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
	}, open: func(name string) ([]byte, error) { return readFile(filepath.Join(dir, name)) }}
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
	for _, name := range l.files("syncs") {
		if data, ok := l.read(name); ok {
			l.sync(name, data)
		}
	}
	if l.err != nil {
		return l.Folder, l.err
	}
	l.problems = append(l.problems, l.cross()...)
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
		switch path.Ext(name) {
		case ".yaml":
			names = append(names, name)
		case ".yml":
			l.problem(name, "rename it to .yaml", "files that end in .yml are not read")
		}
	}
	if len(names) == 0 {
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

// query reads a SQL file. Several syncs may share one.
func (l *loader) query(name string, absolute bool) (string, error) {
	if absolute || !filepath.IsLocal(name) {
		return "", document.Problem{What: "lies outside of " + l.dir, Mend: "move it into the folder"}
	}
	if i := slices.IndexFunc(l.Documents, func(d Document) bool { return d.File == name }); i >= 0 {
		return string(l.Documents[i].Data), nil
	}
	data, err := l.open(name)
	if err != nil {
		return "", err
	}
	l.Documents = append(l.Documents, Document{name, data})
	return string(data), nil
}

// readFile reads a file that people wrote. Its error is a [document.Problem] without a place.
func readFile(name string) ([]byte, error) {
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

// cross checks what no file shows alone.
func (f Folder) cross() document.Problems {
	var ps document.Problems
	add := func(at document.Position, mend, format string, args ...any) {
		ps = append(ps, document.Problem{Position: at, What: fmt.Sprintf(format, args...), Mend: mend})
	}

	environments := map[string]document.Position{}
	nameless := false // an environment whose name could not be read may be any
	for _, e := range f.Environments {
		if first, found := environments[e.Name]; found && e.Name != "" {
			add(e.At, "rename one of them", "environment %s is in %s already", e.Name, first)
			continue
		}
		nameless = nameless || e.Name == ""
		environments[e.Name] = e.At
	}

	syncs := map[string]Sync{}
	for _, s := range f.Syncs {
		if _, found := environments[s.To.Environment]; !found && s.To.Environment != "" && !nameless {
			add(s.At, document.DidYouMean(s.To.Environment, names(environments)), "sync %s: there is no environment %s", s.Name, s.To.Environment)
		}
		if first, found := syncs[s.String()]; found && s.Name != "" {
			add(s.At, "rename one of them", "sync %s is in %s already", s, first.At)
			continue
		}
		syncs[s.String()] = s
	}
	for _, s := range f.Syncs {
		if _, found := environments[s.To.Environment]; !found {
			continue
		}
		for _, name := range s.After {
			before := s
			before.Name = name
			if _, found := syncs[before.String()]; !found && name != s.Name {
				add(s.At, document.DidYouMean(name, f.names(s.To.Environment)), "sync %s: after names %s, which is no sync of environment %s", s.Name, name, s.To.Environment)
			}
		}
	}
	for _, cycle := range f.cycles(syncs) {
		add(cycle[0].At, "drop one of them from after", "syncs wait for each other: %s", circle(cycle))
	}
	return append(ps, f.owners()...)
}

// owners finds columns that two syncs write, and syncs that make records beside one that deletes what it does not know.
func (f Folder) owners() document.Problems {
	var ps document.Problems
	columns, mirrors := map[string]Sync{}, map[string]Sync{}
	for _, s := range f.Syncs {
		if s.To.OnLeave.Action != Nothing && s.To.Mode != Update {
			if _, found := mirrors[s.To.Environment+"/"+s.To.Table]; !found {
				mirrors[s.To.Environment+"/"+s.To.Table] = s
			}
		}
	}
	for _, s := range f.Syncs {
		table := s.To.Environment + "/" + s.To.Table
		for _, field := range s.Map {
			id := table + "." + field.Column
			if first, found := columns[id]; found && first.Name != s.Name {
				ps = append(ps, document.Problem{
					Position: field.At, What: fmt.Sprintf("syncs %s and %s both write %s", first.Name, s.Name, id), Mend: "leave the column to one of them",
				})
				continue
			}
			columns[id] = s
		}
		if mirror, found := mirrors[table]; found && mirror.Name != s.Name && s.To.Mode != Update {
			ps = append(ps, document.Problem{
				Position: s.At,
				What:     fmt.Sprintf("sync %s mirrors its model in %s, so %s cannot make records there", mirror.Name, table, s.Name),
				Mend:     "set mode: update, or on_leave: nothing in " + mirror.Name,
			})
		}
	}
	return ps
}

// cycles finds the circles among the syncs' after, each once.
func (f Folder) cycles(syncs map[string]Sync) [][]Sync {
	var found [][]Sync
	done := map[string]bool{}
	var visit func(s Sync, trail []Sync)
	visit = func(s Sync, trail []Sync) {
		if i := slices.IndexFunc(trail, func(t Sync) bool { return t.ID() == s.ID() }); i >= 0 {
			found = append(found, slices.Clone(trail[i:]))
			return
		}
		if done[s.String()] {
			return
		}
		for _, name := range s.After {
			next := s
			next.Name = name
			if next, ok := syncs[next.String()]; ok && name != s.Name {
				visit(next, append(trail, s))
			}
		}
		done[s.String()] = true
	}
	for _, s := range f.Syncs {
		visit(s, nil)
	}
	return found
}

func circle(cycle []Sync) string {
	var b strings.Builder
	for _, s := range cycle {
		b.WriteString(s.Name + " -> ")
	}
	return b.String() + cycle[0].Name
}

func (f Folder) names(environment string) []string {
	var all []string
	for _, s := range f.Syncs {
		if s.To.Environment == environment {
			all = append(all, s.Name)
		}
	}
	return all
}

func names(m map[string]document.Position) []string {
	var all []string
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
