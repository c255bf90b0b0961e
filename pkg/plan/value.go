package plan

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse"
)

// same reports whether a value that would be sent is what Dataverse has: numbers and times by what they mean, choices by
// number, the rest as it is written.
func same(column *dataverse.Column, old, sent any) bool {
	if old == nil || sent == nil {
		return old == nil && sent == nil || old == "" || sent == "" && old == nil // Dataverse keeps no empty text
	}
	switch column.Type {
	case dataverse.Integer, dataverse.BigInt, dataverse.Decimal, dataverse.Double, dataverse.Money,
		dataverse.Choice, dataverse.State, dataverse.Status:
		a, one := number(old)
		b, other := number(sent)
		return one && other && a.Cmp(b) == 0
	case dataverse.DateTime:
		a, one := moment(old)
		b, other := moment(sent)
		return one && other && a.Equal(b)
	case dataverse.MultiChoice:
		return slices.Equal(members(old), members(sent))
	case dataverse.GUID, dataverse.Lookup:
		return equalFold(old, sent)
	case dataverse.Unsupported, dataverse.Text, dataverse.Memo, dataverse.Boolean:
	}
	return old == sent
}

// number reads a numeral of any length.
func number(v any) (*big.Rat, bool) {
	n, ok := v.(json.Number)
	if !ok || len(n) > 100 {
		return nil, false
	}
	if _, exponent, has := strings.Cut(strings.ToLower(string(n)), "e"); has {
		if e, err := strconv.Atoi(exponent); err != nil || e > 400 || e < -400 { // beyond those of a double it would fill the memory
			return nil, false
		}
	}
	return new(big.Rat).SetString(string(n))
}

func moment(v any) (time.Time, bool) {
	s, _ := v.(string)
	for _, form := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// members are the options of a multi-select choice, in order.
func members(v any) []string {
	s, _ := v.(string)
	all := strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(all)
	return all
}

func equalFold(a, b any) bool {
	s, one := a.(string)
	t, other := b.(string)
	return one && other && strings.EqualFold(s, t)
}

// mostShown bounds a value as it is shown, in characters.
const mostShown = 200

// words is a value as a person reads it, nil where there is none: a choice with its label, a record with its name. label is
// what Dataverse calls it, where it was asked.
func words(column *dataverse.Column, v any, label string) *string {
	var s string
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		s = v
	case bool:
		s = strconv.FormatBool(v)
	case json.Number:
		s = string(v)
	default:
		s = fmt.Sprint(v)
	}
	if column != nil {
		switch column.Type {
		case dataverse.Lookup:
			if strings.HasPrefix(s, "/") { // an address, which nobody reads percent-encoded
				if plain, err := url.PathUnescape(s[1:]); err == nil {
					s = plain
				}
			}
		case dataverse.Boolean, dataverse.Choice, dataverse.State, dataverse.Status, dataverse.MultiChoice:
			if label == "" {
				label = labels(column, v)
			}
		case dataverse.Unsupported, dataverse.Text, dataverse.Memo, dataverse.Integer, dataverse.BigInt, dataverse.Decimal,
			dataverse.Double, dataverse.Money, dataverse.DateTime, dataverse.GUID:
			label = "" // the same again, with the separators of some language
		}
	}
	if runes := []rune(s); len(runes) > mostShown {
		s = string(runes[:mostShown-1]) + "…"
	}
	if label != "" {
		s += " (" + label + ")"
	}
	return &s
}

// labels finds what the metadata calls a choice.
func labels(column *dataverse.Column, v any) string {
	var wanted []string
	switch v := v.(type) {
	case bool:
		wanted = []string{map[bool]string{false: "0", true: "1"}[v]}
	case json.Number:
		wanted = []string{string(v)}
	default:
		wanted = members(v)
	}
	var found []string
	for _, w := range wanted {
		for _, o := range column.Options {
			if strconv.Itoa(int(o.Value)) == w && o.Label != "" {
				found = append(found, o.Label)
			}
		}
	}
	return strings.Join(found, ", ")
}
