package cli

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// A resealed value is a line of what reseal tells.
type resealed struct {
	File     string `json:"file"`
	Line     int    `json:"line"` // of the application user
	ClientID string `json:"client_id"`
	Key      string `json:"key"` // client_secret or certificate
	Was      int    `json:"was"` // recipients before
	Is       int    `json:"is"`
}

func (c *commandLine) reseal() *cobra.Command {
	return &cobra.Command{
		Use:   "reseal [DIR]",
		Short: "Seal what is sealed in a folder to today's recipients",
		Long: "Reseal opens every sealed value in DIR/environments/*.yaml (default: here) with the identities that --identity or\n" +
			sealed.Variable + " names, and seals it to the recipients that DIR/" + sealed.RecipientsFile + " lists now. Nothing else in the files is\n" +
			"touched, and no file is when one of the values cannot be opened.",
		Example: "  penstock reseal ./penstock --identity penstock.identity",
		Args:    aFolder,
		RunE: func(_ *cobra.Command, args []string) error {
			dir := directory(args)
			recipients, err := sealed.LoadRecipients(dir)
			if err != nil {
				return err
			}
			changed, all, err := resealFolder(dir, sealed.Identities(c.identity), recipients)
			if err != nil {
				return err
			}
			if err := rewrite(changed); err != nil {
				return err
			}
			if c.json {
				return c.document(map[string]any{"recipients": recipients, "resealed": all})
			}
			for _, r := range all {
				if err := c.print("%s:%d: %s of %s: sealed to %s, was to %d\n", r.File, r.Line, r.Key, r.ClientID, people(r.Is), r.Was); err != nil {
					return err
				}
			}
			if len(all) == 0 {
				return c.print("nothing is sealed in %s\n", filepath.Join(dir, "environments"))
			}
			for _, r := range recipients {
				if err := c.print("  %s\n", r); err != nil {
					return err
				}
			}
			return c.print("`penstock apply` makes it known\n")
		},
	}
}

// resealFolder gives the files that change, and what changes in them. It writes nothing.
func resealFolder(dir string, keys sealed.Identities, to sealed.Recipients) (map[string][]byte, []resealed, error) {
	files, err := filepath.Glob(filepath.Join(dir, "environments", "*.yaml"))
	if err != nil {
		return nil, nil, err
	}
	if len(files) == 0 {
		return nil, nil, fmt.Errorf("there is no file environments/*.yaml in %s; is it the right folder?", dir)
	}
	changed, all := map[string][]byte{}, []resealed{}
	var faults []error
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, nil, fmt.Errorf("read the environment's file: %w", err)
		}
		text, values, err := spec.Reseal(file, data, func(v sealed.Value) (sealed.Value, error) {
			plaintext, err := keys.Open(v)
			if err != nil {
				return "", err
			}
			return sealed.Seal(plaintext, to)
		})
		faults = append(faults, err)
		for _, v := range values {
			changed[file] = text
			all = append(all, resealed{file, v.At.Line, v.ClientID, v.Key, v.Was.Recipients(), v.Is.Recipients()})
		}
	}
	return changed, all, errors.Join(faults...)
}

// rewrite replaces files. All new ones are on the disk before the first old one goes, so that what can fail has failed by
// then; where a name is a link, the file that it leads to is replaced.
func rewrite(files map[string][]byte) (err error) {
	temporary := map[string]string{} // by the file that it will be
	defer func() {
		for _, t := range temporary {
			err = errors.Join(err, os.Remove(t))
		}
	}()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file, err := filepath.EvalSymlinks(name)
		if err != nil {
			return err
		}
		if temporary[file], err = prepare(file, files[name]); err != nil {
			delete(temporary, file)
			return fmt.Errorf("write %s: %w; nothing was changed", name, err)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(temporary)) {
		if err := os.Rename(temporary[file], file); err != nil {
			return fmt.Errorf("replace %s: %w", file, err)
		}
		delete(temporary, file)
	}
	return nil
}

// prepare writes what a file is to become beside it, with its mode.
func prepare(file string, data []byte) (name string, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".penstock-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}
