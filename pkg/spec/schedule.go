package spec

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // zones, also where the machine has none

	"github.com/goccy/go-yaml/ast"
	"github.com/hashicorp/cronexpr"

	"github.com/penstock-sync/penstock/pkg/document"
)

// A Schedule says when a sync runs without being asked: every so often, or at the times of a cron expression. Its zero value
// is none: the sync runs on request alone.
type Schedule struct {
	Every Duration `json:"every,omitempty"` // from the start of one run to the next
	Cron  string   `json:"cron,omitempty"`  // minute, hour, day of month, month, day of week
	Zone  string   `json:"zone,omitempty"`  // of Cron, as Europe/Berlin; "" stands for UTC
}

// LeastEvery is how often a sync may run at most.
const LeastEvery = Duration(time.Minute)

// Next is the first time after a given one at which the schedule wants a run; zero where it never does.
//
// A cron expression speaks of the clocks in its zone. What falls into an hour that they leave out in spring runs within an
// hour of it; what falls into the hour that comes twice in autumn runs twice.
func (s Schedule) Next(after time.Time) time.Time {
	if s.Every > 0 {
		return after.Add(time.Duration(s.Every))
	}
	if s.Cron == "" {
		return time.Time{}
	}
	zone, err := time.LoadLocation(s.Zone)
	if err != nil {
		return time.Time{}
	}
	cron, err := cronexpr.Parse(s.Cron)
	if err != nil {
		return time.Time{}
	}
	local := after.In(zone)
	next := cron.Next(local)
	// The same by a clock that is never put forward or back: it has the times that this one leaves out.
	y, m, d := local.Date()
	steady := cron.Next(time.Date(y, m, d, local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC))
	if steady.IsZero() {
		return next
	}
	y, m, d = steady.Date()
	if left := time.Date(y, m, d, steady.Hour(), steady.Minute(), 0, 0, zone); left.After(after) && left.Before(next) {
		return left
	}
	return next
}

// String is the schedule as people write it.
func (s Schedule) String() string {
	switch {
	case s.Every > 0:
		return "every " + s.Every.String()
	case s.Zone != "":
		return "cron " + s.Cron + " in " + s.Zone
	case s.Cron != "":
		return "cron " + s.Cron
	}
	return "none"
}

// schedule reads the word none, {every: 15m}, or {cron: "0 6 * * 1-5", zone: Europe/Berlin}.
func (r *reader) schedule(n document.Node) Schedule {
	var s Schedule
	if !document.IsMapping(n) {
		var word string
		if r.Text(n, "schedule", &word) && word != "none" {
			r.Problem(n, "write {every: 15m}, {cron: \"0 6 * * 1-5\", zone: Europe/Berlin} or none", "schedule cannot be %q", word)
		}
		return s
	}
	r.Object(n, "schedule",
		document.Optional("every", func(n document.Node) { s.Every = r.every(n, "schedule.every") }),
		document.Optional("cron", func(n document.Node) { s.Cron = r.cron(n, "schedule.cron") }),
		document.Optional("zone", func(n document.Node) { s.Zone = r.zone(n, "schedule.zone") }),
	)
	switch every, cron := document.Has(n, "every"), document.Has(n, "cron"); {
	case every && cron:
		r.Problem(n, "keep one of them", "schedule has both every and cron")
	case !every && !cron:
		r.Problem(n, "add every: 15m, or cron: \"0 6 * * *\"", "schedule says no time")
	case every && document.Has(n, "zone"):
		r.Problem(n, "drop it, or write cron", "schedule.zone is of no use with every")
	}
	return s
}

func (r *reader) every(n document.Node, what string) Duration {
	if whole, ok := n.(*ast.IntegerNode); ok {
		r.Problem(n, fmt.Sprintf("write %vm for minutes", whole.Value), "%s is a duration, and wants its unit", what)
		return 0
	}
	var text string
	if !r.Text(n, what, &text) {
		return 0
	}
	var d Duration
	if err := d.UnmarshalText([]byte(text)); err != nil {
		r.Problem(n, "write it as 15m, 2h30m or 1d", "%s: %v", what, err)
		return 0
	}
	if d < LeastEvery {
		r.Problem(n, "write 1m or more", "%s is shorter than a minute", what)
		return 0
	}
	return d
}

func (r *reader) cron(n document.Node, what string) string {
	const mend = `write five fields: minute hour day month weekday, as "0 6 * * 1-5" for six o'clock from Monday to Friday`
	var text string
	if !r.Text(n, what, &text) {
		return ""
	}
	fields := strings.Fields(text)
	if len(fields) != 5 { // others count seconds or years, and who writes six fields means one of the two
		r.Problem(n, mend, "%s %q has %d fields", what, text, len(fields))
		return ""
	}
	text = strings.Join(fields, " ")
	cron, err := cronexpr.Parse(text)
	if err != nil {
		r.Problem(n, mend, "%s: %v", what, err)
		return ""
	}
	if cron.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		r.Problem(n, mend, "%s %q names a day that no calendar has", what, text)
		return ""
	}
	return text
}

func (r *reader) zone(n document.Node, what string) string {
	var name string
	if !r.Text(n, what, &name) {
		return ""
	}
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		r.Problem(n, "write it as Europe/Berlin, America/New_York or UTC", "%s: there is no time zone %q", what, name)
		return ""
	}
	return name
}

// A Duration is a time that people write as 15m, 2h30m or 1d12h.
type Duration time.Duration

const day = Duration(24 * time.Hour)

// String is the duration as people write it, in whole days, hours, minutes and seconds.
func (d Duration) String() string {
	text := ""
	if d >= day {
		text = strconv.Itoa(int(d/day)) + "d"
		d %= day
	}
	if rest := time.Duration(d).String(); d > 0 || text == "" {
		rest = strings.Replace(rest+" ", "m0s ", "m", 1)
		text += strings.TrimSpace(strings.Replace(rest, "h0m", "h", 1))
	}
	return text
}

// MarshalText is String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads days and what [time.ParseDuration] reads, none of it negative.
func (d *Duration) UnmarshalText(data []byte) error {
	const mostDays = 3650
	text := strings.TrimSpace(string(data))
	wrong := fmt.Errorf("%q is no duration", text)
	var whole Duration
	if days, rest, found := strings.Cut(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil || n > mostDays {
			return wrong
		}
		whole, text = Duration(n)*day, rest
		if rest == "" {
			*d = whole
			return nil
		}
	}
	rest, err := time.ParseDuration(text)
	if err != nil || rest < 0 || Duration(rest) > mostDays*day || strings.ContainsAny(text, "+-") {
		return wrong
	}
	*d = whole + Duration(rest)
	return nil
}
