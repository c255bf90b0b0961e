package mapping

import (
	"fmt"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/spec"
)

// An action is what text without characters comes to.
type action uint8

const (
	asItIs action = iota
	asNull
	skipped
	refused
)

func emptyAction(e spec.Empty) action {
	switch e {
	case spec.EmptyNull:
		return asNull
	case spec.EmptySkip:
		return skipped
	case spec.EmptyError:
		return refused
	case spec.EmptyWrite:
	}
	return asItIs
}

// masked is SQL for what is sent in place of text. NULL and text without characters hide nothing: they stay what they are, so that
// the policies for them see them.
func masked(expr string, mask spec.Mask) string {
	switch mask {
	case spec.Hash:
		return "if(" + expr + " = '', '', lower(hex(SHA256(" + expr + "))))"
	case spec.Redact:
		return "if(" + expr + " = '', '', concat(substring(" + expr + ", 1, 0), '***'))" // of NULL it is NULL
	}
	return expr
}

// maskLength is how many characters a mask has.
func maskLength(mask spec.Mask) int {
	if mask == spec.Hash {
		return 64
	}
	return 3
}

// sensible reports options that mean nothing for the column, or for what fills it: an option is never ignored.
func (c *compiler) sensible(f spec.Field, column *dataverse.Column, s source) bool {
	before := len(c.problems)
	refuse := func(wrong bool, what, mend string) {
		if wrong {
			c.report(f, f.From, what, mend)
		}
	}
	what, lookup := describe(column), column.Type == dataverse.Lookup
	written := column.Type == dataverse.Text || column.Type == dataverse.Memo
	choice := optional(column) || column.Type == dataverse.Boolean
	refuse(f.Truncate && !written, "truncate cuts text, and this is "+what, "drop truncate")
	refuse(f.Truncate && f.Mask != "", "a mask that is cut is none", "drop truncate")
	refuse(f.Mask != "" && !written, fmt.Sprintf("mask: %s writes text, and this is %s", f.Mask, what), "drop it from map, or choose a column of text")
	refuse(f.Mask != "" && f.From == "", "a mask is made in the warehouse, of one of its columns", "give the masked value in the model, or drop mask")
	if f.Mask != "" && written && column.MaxLength > 0 && column.MaxLength < maskLength(f.Mask) {
		refuse(true, fmt.Sprintf("mask: %s writes %d characters, and the column takes %d", f.Mask, maskLength(f.Mask), column.MaxLength), "make the column longer")
	}
	refuse(f.Empty != "" && lookup, "text without characters names no record, and counts as NULL", "drop empty; null says what becomes of it")
	refuse(f.Empty != "" && !lookup && !s.unknown && !s.class.textual(), fmt.Sprintf("%s is %s, which is never without characters", f.From, s.typ), "drop empty")
	refuse(f.Choice != "" && !choice, fmt.Sprintf("choice says how options are given, and this is %s", what), "drop choice")
	refuse(f.Language != 0 && !choice, fmt.Sprintf("language is about labels of options, and this is %s", what), "drop language")
	refuse(len(f.Values) > 0 && !choice, fmt.Sprintf("values says what words mean, and this is %s", what),
		"drop values, and translate in the model")
	return len(c.problems) == before
}

// unkeyed reports options of a column that the record is matched on: its value is in the address, and nowhere else.
func (c *compiler) unkeyed(f spec.Field) {
	given := []struct {
		name  string
		given bool
		mend  string
	}{
		{"null: " + string(f.Null), f.Null != "" && f.Null != spec.NullWrite, "drop it: a row without key is always refused"},
		{"empty: " + string(f.Empty), f.Empty != "", "drop it: a row without key is always refused"},
		{"truncate", f.Truncate, "drop it: two keys could become one"},
		{"mask: " + string(f.Mask), f.Mask != "", "mask it in the model, and name the result in from.key: lower(hex(SHA256(" + f.From + ")))"},
		{"values", len(f.Values) > 0, "translate in the model"},
		{"choice: " + string(f.Choice), f.Choice == spec.Label, "give the number of the option in the model"},
	}
	for _, g := range given {
		if g.given {
			c.report(f, f.From, g.name+" cannot be asked for a column of the match key", g.mend)
		}
	}
}
