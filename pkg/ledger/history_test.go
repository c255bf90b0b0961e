package ledger_test

import (
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// A memory says in Go, key by key, what the ledger is to know. The statements of the package are compared with it.
type memory struct {
	entries map[string]entry
	letters map[string]letter
	late    map[string]entry
	back    []string // keys of the newest run whose records are made active again
}

type entry struct {
	accepted, left bool
	inactive       bool // the record was deactivated, and nobody has said since that it is active
	value          string
	mapping        uint64
	run, version   uint64
}

type letter struct {
	run     uint64
	values  string // sorted values of its rows
	mapping uint64 // 0: it does not wait
	removal bool
}

// learn keeps the newest entry of a key.
func (m *memory) learn(key string, e entry) {
	if old, known := m.entries[key]; !known || e.version >= old.version {
		m.entries[key] = e
	}
}

// isOpen: newer than the key's entry, or of the same run, which did not end in acceptance.
func (m *memory) isOpen(key string) bool {
	l, has := m.letters[key]
	if !has {
		return false
	}
	e, known := m.entries[key]
	return !known || l.run > e.run || l.run == e.run && !e.accepted
}

// kind is what a diff has to find for a key with these values in the model.
func (m *memory) kind(key string, values []string, st step) string {
	e, known := m.entries[key]
	l, open := m.letters[key], m.isOpen(key)
	waits := open && l.mapping == st.fingerprint() && !st.all
	if len(values) == 0 {
		switch {
		case !known || e.accepted && e.left: // Dataverse has nothing
			switch {
			case open && known:
				return "dismissed"
			case open:
				return "gone"
			}
			return ""
		case st.keep && open:
			return "dropped"
		case !st.keep && waits && l.removal:
			return "left_waiting"
		}
		return "left"
	}
	switch {
	case waits && !l.removal && l.values == sorted(values):
		return "waiting"
	case key == "":
		return "keyless"
	case len(values) > 1:
		return "duplicate"
	case !known || !e.accepted || e.left || e.value != values[0] || e.mapping != st.fingerprint() || st.all:
		return "changed"
	case open:
		return "settled"
	}
	return "unchanged"
}

func sorted(values []string) string {
	values = slices.Clone(values)
	slices.Sort(values)
	return strings.Join(values, "+")
}

// run is what a run does to the memory, and the lines that its diff has to find.
func (m *memory) run(t tb, st step, number uint64) []string {
	arrive := func() {
		for key, e := range m.late {
			m.learn(key, entry{left: e.left, inactive: e.inactive || m.entries[key].inactive, run: number, version: number*8 + 2})
		}
		m.late = map[string]entry{}
	}
	if !st.behind {
		arrive()
	}
	values := map[string][]string{}
	for _, r := range rows(st.model) {
		key := strings.TrimPrefix(r.key, "-")
		values[key] = append(values[key], r.value)
	}
	keys := slices.Concat(slices.Collect(maps.Keys(values)), slices.Collect(maps.Keys(m.entries)), slices.Collect(maps.Keys(m.letters)))
	slices.Sort(keys)
	kinds := map[string]string{}
	counts := map[string]int{}
	var lines []string
	for _, key := range slices.Compact(keys) {
		kind := m.kind(key, values[key], st)
		kinds[key] = kind
		switch kind {
		case "unchanged":
			if e := m.entries[key]; !e.accepted {
				t.Fatalf("the newest entry of %s is sent, and yet it is unchanged", key)
			}
			counts[kind] += len(values[key])
		case "waiting", "left_waiting":
			counts[kind] += max(len(values[key]), 1)
		case "keyless":
			lines = append(lines, kind)
		case "gone", "dismissed":
			if key == "" {
				key = "1"
			}
			lines = append(lines, kind+" "+key)
		case "":
		default:
			lines = append(lines, kind+" "+key)
		}
	}
	for kind, n := range counts {
		lines = append(lines, fmt.Sprint(kind, " ", n))
	}
	for key, kind := range kinds {
		e := m.entries[key]
		e.run, e.version = number, number*8+1
		switch kind {
		case "settled", "dropped", "dismissed":
			m.learn(key, e)
		case "gone":
			m.learn(key, entry{accepted: true, left: true, run: number, version: number*8 + 1})
		case "keyless", "duplicate":
			m.letters[key] = letter{run: number, values: sorted(values[key]), mapping: st.fingerprint()}
		}
	}
	if st.behind {
		arrive()
	}
	m.back = nil
	for key, kind := range kinds {
		v := st.verdicts[key]
		if kind != "changed" && (kind != "left" || st.keep || v == parked) {
			continue
		}
		e := entry{left: kind == "left", mapping: st.fingerprint(), run: number, version: number * 8}
		e.inactive = e.left && st.removal() == penstock.Deactivate || m.entries[key].inactive
		if e.inactive && !e.left {
			m.back = append(m.back, key)
		}
		l := letter{run: number, mapping: st.fingerprint(), removal: e.left}
		if !e.left {
			e.value = values[key][0]
			l.values = e.value
			if v == unfit {
				m.letters[key] = l
				continue
			}
		}
		m.learn(key, e)
		switch v { //nolint:exhaustive // the others leave the entry as sent
		case refused:
			m.letters[key] = l
		case exhausted:
			l.mapping = 0
			m.letters[key] = l
		case late:
			m.late[key] = e
		case accepted, unfit, parked: // the latter two do not apply to this kind
			e.accepted, e.version = true, number*8+1
			e.inactive = e.inactive && e.left && st.removal() != penstock.Delete
			m.learn(key, e)
		}
	}
	slices.Sort(lines)
	slices.Sort(m.back)
	return lines
}

func (m *memory) open() []string {
	keys := []string{}
	for key := range m.letters {
		if m.isOpen(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Histories are checked many keys at once: a key knows nothing of the others, so each is a history of its own. How many
// is said by -rapid.checks.
func TestAnyHistoryIsDiffedAsTheMemorySays(t *testing.T) {
	few(t, "5")
	w, ctx := open(t), t.Context()
	names := strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z")
	upserts := []verdict{accepted, accepted, accepted, accepted, refused, exhausted, unfit, unstored, unsent, unknown, lost, late}
	removals := []verdict{accepted, accepted, refused, unstored, unsent, unknown, lost, late, parked}
	checks := 0
	rapid.Check(t, func(t *rapid.T) {
		checks++
		s := w.sync(ctx, fmt.Sprint("history", checks))
		m := memory{entries: map[string]entry{}, letters: map[string]letter{}, late: map[string]entry{}}
		model := map[string][]string{}
		for range rapid.IntRange(2, 7).Draw(t, "runs") {
			for _, key := range append(names, "-") {
				switch rapid.IntRange(0, 9).Draw(t, "what becomes of "+key) {
				case 0, 1:
					delete(model, key)
				case 2, 3, 4: // few values, so that they go back
					model[key] = []string{rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "value")}
				case 5:
					model[key] = append(model[key], rapid.SampledFrom([]string{"1", "2"}).Draw(t, "another"))
				}
			}
			st := step{
				verdicts: map[string]verdict{}, mapping: rapid.SampledFrom([]uint64{1, 1, 1, 1, 2}).Draw(t, "mapping"),
				all: rapid.IntRange(0, 9).Draw(t, "all") == 0, keep: rapid.IntRange(0, 4).Draw(t, "keep") == 0, behind: rapid.Bool().Draw(t, "behind"),
				leave: rapid.SampledFrom([]penstock.Operation{penstock.Delete, penstock.Deactivate, penstock.Deactivate, penstock.Clear}).Draw(t, "leave"),
			}
			count := uint64(0)
			for _, key := range slices.Sorted(maps.Keys(model)) {
				for _, v := range model[key] {
					st.model += key + "=" + v + " "
					count++
				}
			}
			for _, key := range names {
				if len(model[key]) > 0 {
					st.verdicts[key] = rapid.SampledFrom(upserts).Draw(t, "verdict of "+key)
				} else {
					st.verdicts[key] = rapid.SampledFrom(removals).Draw(t, "removal of "+key)
				}
			}
			found := s.run(t, st)
			want := m.run(t, st, s.id.Number)
			if !slices.Equal(s.diffs, want) {
				t.Fatalf("run %d: %s\n  found %q\n  want  %q", s.id.Number, st.model, s.diffs, want)
			}
			if !slices.Equal(s.back, m.back) {
				t.Fatalf("run %d: %s\n  made active again %q\n  want              %q", s.id.Number, st.model, s.back, m.back)
			}
			if found.Read() != count {
				t.Fatalf("run %d: %+v adds up to %d rows, the model has %d", s.id.Number, found, found.Read(), count)
			}
			if got, want := s.open(t), m.open(); !slices.Equal(got, want) {
				t.Fatalf("run %d: open letters of %q, want %q", s.id.Number, got, want)
			}
			if got, want := s.unsettled(t), m.unsettled(); !slices.Equal(got, want) {
				t.Fatalf("run %d: entries that are sent: %q, want %q", s.id.Number, got, want)
			}
		}
		// Nothing is lost: when all goes well, and every value is one that Dataverse takes, all is accepted in the end.
		for _, key := range append(names, "-") {
			model[key] = []string{"4"}
		}
		delete(model, "-")
		last := step{}
		for _, key := range names {
			last.model += key + "=4 "
		}
		s.run(t, last)
		s.run(t, last) // a second one, for late results that came in behind the first
		if found := s.diff(t, last); found.Unchanged != uint64(len(names)) || found.Read() != found.Unchanged || found.Left+found.LeftWaiting != 0 {
			t.Fatalf("in the end: %+v %q", found, s.diffs)
		}
		if got := s.open(t); len(got) != 0 {
			t.Fatalf("in the end: open letters of %q", got)
		}
	})
}

// unsettled are the keys whose newest entry is sent.
func (s *sync) unsettled(t tb) []string {
	t.Helper()
	keys := s.lines(s.ctx, t, fmt.Sprintf("SELECT key FROM %s.ledger FINAL WHERE sync = '%s' AND state = 'sent' ORDER BY key", s.database, s.id.Sync.Name))
	return append([]string{}, keys...)
}

func (m *memory) unsettled() []string {
	keys := []string{}
	for key, e := range m.entries {
		if !e.accepted {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// few makes rapid check so many cases, unless the command line says how many.
func few(t *testing.T, checks string) {
	t.Helper()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "rapid.checks" })
	if said {
		return
	}
	f := flag.Lookup("rapid.checks")
	before := f.Value.String()
	if err := f.Value.Set(checks); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Value.Set(before); err != nil {
			t.Error(err)
		}
	})
}
