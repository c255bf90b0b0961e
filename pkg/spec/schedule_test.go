package spec

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// scheduled reads the sync of [syncFile] with that schedule.
func scheduled(schedule string) (Sync, error) {
	syncs, err := ParseSync("s.yaml", []byte(syncFile+"schedule: "+schedule+"\n"), queries)
	return syncs[0], err
}

func TestASyncSaysWhenItRuns(t *testing.T) {
	for text, want := range map[string]Schedule{
		"none":           {},
		"{every: 15m}":   {Every: Duration(15 * time.Minute)},
		"{every: 1d12h}": {Every: Duration(36 * time.Hour)},
		`{cron: "0  6 * * 1-5", zone: Europe/Berlin}`: {Cron: "0 6 * * 1-5", Zone: "Europe/Berlin"},
		`{cron: "*/20 * * * MON,7"}`:                  {Cron: "*/20 * * * MON,7"},
	} {
		s, err := scheduled(text)
		if err != nil || s.Schedule != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, s.Schedule, err, want)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Sync
		if err := json.Unmarshal(b, &back); err != nil || back.Schedule != want {
			t.Errorf("%s: through JSON %+v, %v", text, back.Schedule, err)
		}
	}
}

func TestAScheduleThatCannotBeIsRefusedWithTheWayOut(t *testing.T) {
	for text, says := range map[string]string{
		"hourly":                            `s.yaml:11:11: schedule cannot be "hourly"; write {every: 15m}`,
		"15":                                "s.yaml:11:11: schedule must be text",
		"{}":                                "s.yaml:11:11: schedule says no time; add every: 15m",
		"{every: 15}":                       "s.yaml:11:19: schedule.every is a duration, and wants its unit; write 15m for minutes",
		"{every: 15 min}":                   `s.yaml:11:19: schedule.every: "15 min" is no duration; write it as 15m, 2h30m or 1d`,
		"{every: -15m}":                     `"-15m" is no duration`,
		"{every: 1d-1h}":                    `"1d-1h" is no duration`,
		"{every: 9999d}":                    `"9999d" is no duration`,
		"{every: 30s}":                      "s.yaml:11:19: schedule.every is shorter than a minute; write 1m or more",
		"{evry: 15m}":                       "did you mean every?",
		`{cron: "0 6 * *"}`:                 `s.yaml:11:18: schedule.cron "0 6 * *" has 4 fields; write five fields: minute hour`,
		`{cron: "0 0 6 * * *"}`:             "has 6 fields",
		`{cron: "@daily"}`:                  "has 1 fields",
		`{cron: "61 * * * *"}`:              "minute field: '61'",
		`{cron: "0 0 30 2 *"}`:              "names a day that no calendar has",
		`{cron: "0 6 * * *", zone: Berlin}`: `s.yaml:11:37: schedule.zone: there is no time zone "Berlin"; write it as Europe/Berlin`,
		`{cron: "0 6 * * *", zone: Local}`:  `there is no time zone "Local"`,
		`{cron: "0 6 * * *", every: 15m}`:   "schedule has both every and cron",
		`{every: 15m, zone: UTC}`:           "schedule.zone is of no use with every",
		`{cron: "0 6 * * *", zone: ../../../etc}`: "there is no time zone",
	} {
		if _, err := scheduled(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

func TestTheNextTimeOfASchedule(t *testing.T) {
	berlin := func(cron string) Schedule { return Schedule{Cron: cron, Zone: "Europe/Berlin"} }
	for _, test := range []struct {
		name     string
		schedule Schedule
		from     string
		want     string // in UTC, several after each other
	}{
		{"none has none", Schedule{}, "2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
		{"every so often", Schedule{Every: Duration(time.Hour)}, "2026-01-01T00:10:00Z", "2026-01-01T01:10:00Z 2026-01-01T02:10:00Z"},
		{"cron in UTC", Schedule{Cron: "0 6 * * *"}, "2026-07-01T06:00:00Z", "2026-07-02T06:00:00Z"},
		{"working days", berlin("0 6 * * 1-5"), "2026-01-02T12:00:00Z", "2026-01-05T05:00:00Z 2026-01-06T05:00:00Z"},
		{"clocks are put forward", berlin("0 6 * * *"), "2026-03-28T05:00:00Z", "2026-03-29T04:00:00Z 2026-03-30T04:00:00Z"},
		{"a time that they leave out", berlin("30 2 * * *"), "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z 2026-03-30T00:30:00Z"},
		{"all through that night", berlin("*/30 * * * *"), "2026-03-29T00:20:00Z", "2026-03-29T00:30:00Z 2026-03-29T01:00:00Z 2026-03-29T01:30:00Z"},
		{"clocks are put back", berlin("0 6 * * *"), "2026-10-24T04:00:00Z", "2026-10-25T05:00:00Z 2026-10-26T05:00:00Z"},
		{"a time that comes twice", berlin("30 2 * * *"), "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z 2026-10-25T01:30:00Z 2026-10-26T01:30:00Z"},
		{"all through the longer night", berlin("*/30 * * * *"), "2026-10-25T00:20:00Z", "2026-10-25T00:30:00Z 2026-10-25T01:00:00Z 2026-10-25T01:30:00Z 2026-10-25T02:00:00Z"},
		{"a leap day", Schedule{Cron: "0 0 29 2 *"}, "2026-10-25T00:20:00Z", "2028-02-29T00:00:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, test.from)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range strings.Fields(test.want) {
			at = test.schedule.Next(at)
			if got := at.UTC().Format(time.RFC3339); got != want {
				t.Errorf("%s: %s, want %s", test.name, got, want)
			}
		}
	}
}

func TestADurationIsWrittenAsPeopleDo(t *testing.T) {
	for text, want := range map[string]string{"15m": "15m", "90m": "1h30m", "24h": "1d", "1d12h": "1d12h", "2h": "2h", "1m30s": "1m30s", "0s": "0s", "25h5m": "1d1h5m", "10m": "10m", "10h": "10h"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.String() != want {
			t.Errorf("%s is %s, %v; want %s", text, d, err, want)
		}
	}
}

// What is read as a schedule has a next time, and each is later than the one before.
func FuzzSchedule(f *testing.F) {
	for _, s := range []string{"0 6 * * 1-5", "*/5 0-3 1,15 JAN-MAR *", "0 0 L * *", "0 0 * * 5#2", "0 0 15W * *", "", "a b c d e", "* * * * 7"} {
		f.Add(s, int64(1_700_000_000))
	}
	f.Fuzz(func(t *testing.T, cron string, at int64) {
		quoted, err := json.Marshal(cron)
		if err != nil {
			t.Fatal(err)
		}
		s, err := scheduled("{cron: " + string(quoted) + ", zone: America/New_York}")
		if err != nil {
			return
		}
		from := time.Unix(at&0xffffffff, 0)
		if next := s.Schedule.Next(from); !next.IsZero() && !next.After(from) {
			t.Errorf("%q: %s is not after %s", cron, next, from)
		}
	})
}

func FuzzDuration(f *testing.F) {
	for _, s := range []string{"15m", "1d", "1d2h", "d", "-1h", "1e9h", "99999999h"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d, back Duration
		if d.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := back.UnmarshalText([]byte(d.String())); err != nil || back != d || d < 0 {
			t.Errorf("%q is %s, which is %s, %v", text, d, back, err)
		}
	})
}
