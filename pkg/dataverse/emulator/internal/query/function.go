package query

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/jsonobject"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/odata"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/refusal"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/internal/store"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

// This file is the query functions of Dataverse: Microsoft.Dynamics.CRM.In(PropertyName='name',PropertyValues=['a','b']) and its kin.

// queryFunction compiles one.
func (d *Reader) queryFunction(s scope, name string, e *odata.Call) (predicate, *refusal.Error) {
	if s.variable != "" && (len(e.Path) != 1 || e.Path[0] != s.variable) || s.variable == "" && len(e.Path) > 0 {
		return nil, refusal.BadURI.Says("The function '%s' applies to '%s', which is not known here.", name, strings.Join(e.Path, "/"))
	}
	property, ok := e.Named["PropertyName"].(odata.Literal)
	if !ok || property.Kind != odata.String {
		return nil, refusal.BadURI.Says("The function '%s' needs the parameter PropertyName.", name)
	}
	x, f := d.property(s.table, property.Text)
	if f != nil {
		return nil, f
	}
	values, f := arguments(name, e)
	if f != nil {
		return nil, f
	}
	return d.condition(x, name, values)
}

// property resolves PropertyName, which may be the logical name of a lookup, or a path.
func (d *Reader) property(t *store.Table, name string) (term, *refusal.Error) {
	if column, ok := t.ByName[name]; ok {
		name = store.ReadName(&t.Columns[column])
	}
	return d.term(scope{table: t}, strings.Split(name, "/"))
}

// arguments returns PropertyValue or PropertyValues, whose values are in quotes whatever their type.
func arguments(name string, e *odata.Call) ([]odata.Literal, *refusal.Error) {
	var values []odata.Literal
	switch v := e.Named["PropertyValues"].(type) {
	case odata.List:
		values = v
	case nil:
		if one, ok := e.Named["PropertyValue"].(odata.Literal); ok {
			values = []odata.Literal{one}
		}
	default:
		return nil, refusal.BadURI.Says("The parameter PropertyValues of the function '%s' is no list.", name)
	}
	values = slices.Clone(values)
	for i := range values {
		if values[i].Kind == odata.String {
			values[i].Kind = odata.Untyped
		}
	}
	return values, nil
}

// condition is what the function asks of the column.
func (d *Reader) condition(x term, name string, values []odata.Literal) (predicate, *refusal.Error) {
	switch name {
	case "In", "NotIn":
		in, f := oneOf(x, values)
		if f != nil || name == "In" {
			return in, f
		}
		return func(r *store.Row) bool { return !in(r) }, nil
	case "Between", "NotBetween":
		return between(x, name, values)
	case "ContainValues", "DoesNotContainValues":
		return containing(x, name, values)
	case "EqualUserId", "NotEqualUserId":
		return equalTo(x, d.User, name == "EqualUserId"), nil
	case "EqualBusinessId", "NotEqualBusinessId":
		return equalTo(x, d.Unit, name == "EqualBusinessId"), nil
	case "On", "NotOn", "OnOrAfter", "OnOrBefore":
		return onDate(x, name, values)
	}
	n := 0
	if strings.Contains(name, "X") {
		if len(values) != 1 {
			return nil, refusal.BadURI.Says("The function '%s' needs the parameter PropertyValue, a whole number.", name)
		}
		var err error
		if n, err = strconv.Atoi(values[0].Text); err != nil || n < 1 || n > 100_000 {
			return nil, refusal.BadURI.Says("The parameter PropertyValue of the function '%s' is not a whole number from 1.", name)
		}
	}
	from, to, ok := span(name, n, d.now)
	switch {
	case !ok:
		return nil, refusal.NotImplemented.Says("The emulator does not know the query function '%s'.", name)
	case x.schema().Type != schema.DateTime:
		return nil, refusal.BadURI.Says("The function '%s' applies to dates, which '%s' is not.", name, x.schema().Name)
	}
	return within(x, from, to), nil
}

func between(x term, name string, values []odata.Literal) (predicate, *refusal.Error) {
	if len(values) != 2 {
		return nil, refusal.BadURI.Says("The function '%s' needs two PropertyValues.", name)
	}
	low, ok1 := typed(x.schema(), values[0])
	high, ok2 := typed(x.schema(), values[1])
	if !ok1 || !ok2 {
		return nil, incompatible(x.schema().Edm(), values[0].Edm(), "ge")
	}
	inside := name == "Between"
	return func(r *store.Row) bool {
		v := x.read(r)
		return len(v) > 0 && (compareValues(x.schema(), v, low) >= 0 && compareValues(x.schema(), v, high) <= 0) == inside
	}, nil
}

// containing tests a multi-select column for any of the values.
func containing(x term, name string, values []odata.Literal) (predicate, *refusal.Error) {
	if x.schema().Type != schema.MultiChoice {
		return nil, refusal.BadURI.Says("The function '%s' applies to multi-select choices, which '%s' is not.", name, x.schema().Name)
	}
	contain := name == "ContainValues"
	return func(r *store.Row) bool {
		chosen := strings.Split(jsonobject.Text(x.read(r)), ",")
		return slices.ContainsFunc(values, func(v odata.Literal) bool { return slices.Contains(chosen, v.Text) }) == contain
	}, nil
}

func equalTo(x term, id uuid.UUID, equal bool) predicate {
	want := []byte(`"` + id.String() + `"`)
	return func(r *store.Row) bool { return bytes.Equal(x.read(r), want) == equal }
}

// onDate compares the day of a date.
func onDate(x term, name string, values []odata.Literal) (predicate, *refusal.Error) {
	if len(values) != 1 || len(values[0].Text) < 10 || x.schema().Type != schema.DateTime {
		return nil, refusal.BadURI.Says("The function '%s' needs a date as PropertyValue, and applies to dates.", name)
	}
	day, ok := store.ParseDate([]byte(values[0].Text)[:10])
	if !ok {
		return nil, refusal.BadURI.Says("The function '%s' needs a date as PropertyValue.", name)
	}
	switch next := day.AddDate(0, 0, 1); name {
	case "OnOrAfter":
		return within(x, day, time.Time{}), nil
	case "OnOrBefore":
		return within(x, time.Time{}, next), nil
	case "On":
		return within(x, day, next), nil
	default:
		on := within(x, day, next)
		return func(r *store.Row) bool { return len(x.read(r)) > 0 && !on(r) }, nil
	}
}

// within tests a date for from <= date < to; zero is no bound.
func within(x term, from, to time.Time) predicate {
	form := `"2006-01-02T15:04:05Z"`
	if x.schema().IsDate() {
		form = `"2006-01-02"`
	}
	low, high := []byte(from.Format(form)), []byte(to.Format(form))
	return func(r *store.Row) bool {
		v := x.read(r)
		return len(v) > 0 && (from.IsZero() || bytes.Compare(v, low) >= 0) && (to.IsZero() || bytes.Compare(v, high) < 0)
	}
}

// span is the time that a function like LastXDays or ThisMonth means. Weeks begin on Sunday; the last n days end now, the next n begin with tomorrow.
func span(name string, n int, now time.Time) (from, to time.Time, ok bool) {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	day := func(n int) time.Time { return today.AddDate(0, 0, n) }
	switch name {
	case "Today":
		return today, day(1), true
	case "Yesterday":
		return day(-1), today, true
	case "Tomorrow":
		return day(1), day(2), true
	case "Last7Days":
		return day(-7), now.Add(time.Second), true
	case "Next7Days":
		return day(1), day(8), true
	}
	for prefix, place := range map[string]int{"Last": -1, "This": 0, "Next": 1} {
		rest, found := strings.CutPrefix(name, prefix)
		if !found {
			continue
		}
		if unit, counted := strings.CutPrefix(rest, "X"); counted && place != 0 {
			far, known := shift(unit, place*n, now, today)
			if place < 0 {
				return far, now.Add(time.Second), known
			}
			if unit != "Hours" {
				return day(1), far.AddDate(0, 0, 1), known
			}
			return now, far, known
		}
		var begin time.Time
		switch rest {
		case "Week":
			begin = day(-int(today.Weekday()))
		case "Month":
			begin = today.AddDate(0, 0, 1-today.Day())
		case "Year":
			begin = today.AddDate(0, 0, 1-today.YearDay())
		default:
			return from, to, false
		}
		from, _ = shift(rest+"s", place, begin, begin)
		to, _ = shift(rest+"s", place+1, begin, begin)
		return from, to, true
	}
	if unit, found := strings.CutPrefix(name, "OlderThanX"); found {
		to, ok = shift(unit, -n, now, today)
		return time.Time{}, to, ok
	}
	return from, to, false
}

// shift goes n units forward: from now by hours and minutes, from the day by longer ones.
func shift(unit string, n int, now, day time.Time) (time.Time, bool) {
	switch unit {
	case "Minutes":
		return now.Add(time.Duration(n) * time.Minute), true
	case "Hours":
		return now.Add(time.Duration(n) * time.Hour), true
	case "Days":
		return day.AddDate(0, 0, n), true
	case "Weeks":
		return day.AddDate(0, 0, 7*n), true
	case "Months":
		return day.AddDate(0, n, 0), true
	case "Years":
		return day.AddDate(n, 0, 0), true
	}
	return time.Time{}, false
}
