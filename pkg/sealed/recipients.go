package sealed

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"

	"github.com/penstock-sync/penstock/pkg/document"
)

// RecipientsFile is the file at the top of a folder that says whom its secrets are sealed to.
const RecipientsFile = "recipients.txt"

// Recipients are the public halves of identities: age1….
type Recipients []string

// LoadRecipients reads [RecipientsFile] of a folder: one recipient a line, # before a remark. Mistakes in it are
// [document.Problems].
func LoadRecipients(folder string) (Recipients, error) {
	file := filepath.Join(folder, RecipientsFile)
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil, &Fault{
			What: "there is no " + file + ", which says whom to seal to",
			Mend: "`penstock identity FILE >> " + file + "` makes an identity in FILE, and adds its recipient", Err: err,
		}
	}
	if err != nil {
		return nil, &Fault{What: fmt.Sprintf("the recipients cannot be read: %v", err), Mend: "is it a file that you may read?", Err: err}
	}
	return ParseRecipients(file, string(data))
}

// ParseRecipients reads what such a file holds. One that comes twice counts once.
func ParseRecipients(file, text string) (Recipients, error) {
	var all Recipients
	var problems document.Problems
	for i, line := range strings.Split(text, "\n") {
		word, _, _ := strings.Cut(line, "#")
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		if _, err := recipient(word); err != nil {
			p := document.Problem{Position: document.Position{File: file, Line: i + 1, Column: strings.Index(line, word) + 1}, What: err.Error()}
			if fault := (*Fault)(nil); errors.As(err, &fault) {
				p.What, p.Mend = fault.What, fault.Mend
			}
			problems = append(problems, p)
			continue
		}
		if !slices.Contains(all, word) {
			all = append(all, word)
		}
	}
	if len(all)+len(problems) == 0 {
		problems = append(problems, document.Problem{
			Position: document.Position{File: file, Line: 1, Column: 1}, What: "there is no recipient here",
			Mend: "`penstock identity FILE` makes an identity and prints its recipient: add that as a line",
		})
	}
	return all, problems.Err()
}

// recipient reads one. Whoever put an identity there has to hear of it, without seeing it again.
func recipient(word string) (*age.X25519Recipient, error) {
	if strings.HasPrefix(strings.ToUpper(word), "AGE-SECRET-KEY-") {
		return nil, &Fault{What: "this is an identity, which is secret", Mend: "remove it, make a new one (`penstock identity`), and write its recipient (age1…) here"}
	}
	r, err := age.ParseX25519Recipient(word)
	if err != nil {
		return nil, &Fault{What: "this is no recipient of age", Mend: "a recipient is what `penstock identity` prints: age1 and 58 letters and digits"}
	}
	return r, nil
}
