package extractor_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/penstock-sync/penstock/pkg/clickhousetest"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/natstest"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/queue"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
)

func TestOnlyWhatIsDifferentGetsANewVersion(t *testing.T) {
	h := newHouse(t)
	r := one().request("ana")
	r.Reason = "the first"
	equal(t, "the first apply", kinds(h.apply(r)), "prod added 0->1, prod/accounts added 0->1, prod/contacts added 0->1")
	equal(t, "the same again", kinds(h.apply(one().request("ben"))), "prod unchanged 1->1, prod/accounts unchanged 1->1, prod/contacts unchanged 1->1")
	moved := one().with("syncs/contacts.yaml", "# a remark\n"+one()["syncs/contacts.yaml"])
	equal(t, "a remark more", kinds(h.apply(moved.request("ben"))), "prod unchanged 1->1, prod/accounts unchanged 1->1, prod/contacts unchanged 1->1")

	longer := strings.Replace(one()["syncs/contacts.yaml"], "lastname: name", "lastname: {from: name, truncate: true}, firstname: id", 1)
	r = one().with("syncs/contacts.yaml", longer).request("ben")
	r.Reason = "long names"
	shown := &penstockv1.ApplyResponse{}
	if err := h.call(control.Diff, r, shown); err != nil {
		t.Fatal(err)
	}
	stored := h.apply(r)
	equal(t, "what was shown", kinds(shown), kinds(stored))
	equal(t, "a change", kinds(stored), "prod unchanged 1->1, prod/accounts unchanged 1->1, prod/contacts changed 1->2")
	var differences []string
	for _, d := range stored.GetChanges()[2].GetDifferences() {
		differences = append(differences, d.GetPath()+": "+d.GetOld()+" -> "+d.GetNew())
	}
	equal(t, "differences", strings.Join(differences, "; "), "map.lastname: {from: name} -> {from: name, truncate: true}; map.firstname:  -> {from: id}")

	equal(t, "history of the sync", h.history("prod", "contacts"), []string{
		"prod/contacts 2 by ben (long names): map.lastname, map.firstname", "prod/contacts 1 by ana (the first): first version",
	})
	equal(t, "history of the environment", len(h.history("prod", "")), 4)
	equal(t, "all of history", len(h.history("", "")), 4)
	refused(t, h.call(control.History, &penstockv1.HistoryRequest{Environment: "prod", Sync: "contact"}, &penstockv1.HistoryResponse{}), "not_found", "prod/contact was never applied")
	equal(t, "what the bucket has", h.bucket(), h.kept())
}

func TestADifferenceIsOnlyShown(t *testing.T) {
	h := newHouse(t)
	shown := &penstockv1.ApplyResponse{}
	if err := h.call(control.Diff, one().request("ana"), shown); err != nil {
		t.Fatal(err)
	}
	equal(t, "what is shown", kinds(shown), "prod added 0->1, prod/accounts added 0->1, prod/contacts added 0->1")
	equal(t, "what is stored", len(h.bucket())+len(h.kept()), 0)
}

func TestWhoAppliesAfterSomebodyElseIsToldSo(t *testing.T) {
	h := newHouse(t)
	h.apply(one().request("ana"))
	mine := one().with("syncs/q.sql", "SELECT id, name FROM mine").request("ana")
	mine.Seen = []*penstockv1.SpecVersion{{Name: "prod", Version: 1}, {Name: "prod/accounts", Version: 1}, {Name: "prod/contacts", Version: 1}}
	h.apply(one().with("syncs/contacts.yaml", syncOf("prod", "contacts", "contact", "firstname")).request("ben"))
	before := h.bucket()
	refused(t, h.call(control.Apply, mine, &penstockv1.ApplyResponse{}), "conflict", "prod/contacts was changed by ben", "version 2, not 1")
	equal(t, "what is applied", h.bucket(), before)

	added := one().with("syncs/leads.yaml", syncOf("prod", "leads", "lead", "subject")).request("ben")
	h.apply(added)
	added.Seen = []*penstockv1.SpecVersion{{Name: "prod/leads"}} // it was not there yet
	refused(t, h.call(control.Apply, added, &penstockv1.ApplyResponse{}), "conflict", "prod/leads was changed by ben", "version 1, not 0")
}

func TestManyWhoApplyAtOnceGetAVersionEach(t *testing.T) {
	h := newHouse(t)
	const many = 8
	var all sync.WaitGroup
	for i := range many {
		all.Go(func() {
			r := one().with("syncs/q.sql", fmt.Sprintf("SELECT id, name FROM x%d", i)).request(fmt.Sprintf("user %d", i))
			r.Unchecked = true
			if err := h.call(control.Apply, r, &penstockv1.ApplyResponse{}); err != nil {
				t.Errorf("user %d: %v", i, err)
			}
		})
	}
	all.Wait()
	history := h.history("prod", "contacts")
	equal(t, "versions", len(history), many)
	for i, v := range history {
		if !strings.HasPrefix(v, fmt.Sprintf("prod/contacts %d by user", many-i)) {
			t.Errorf("version %d is %s", many-i, v)
		}
	}
	newest := h.bucket()
	equal(t, "what the bucket has", newest, h.kept())
	query := func(name string) string { _, after, _ := strings.Cut(newest[name], "FROM "); return after[:2] }
	equal(t, "accounts and contacts are of one apply", query("sync.prod.accounts"), query("sync.prod.contacts"))
}

func TestWhatDoesNotGoTogetherIsRefusedAcrossFolders(t *testing.T) {
	other := files{
		"environments/prod.yaml": one()["environments/prod.yaml"],
		"syncs/q.sql":            "SELECT id, name FROM y",
	}
	for _, c := range []struct {
		name  string
		files files
		want  []string
	}{
		{"a column of two syncs", other.with("syncs/mails.yaml", syncOf("prod", "mails", "contact", "lastname")), []string{"/files/syncs/mails.yaml:", "syncs contacts and mails both write prod/contact.lastname"}},
		{"a maker beside a mirror", other.with("syncs/mails.yaml", syncOf("prod", "mails", "account", "telephone1")), []string{"sync accounts mirrors its model in prod/account"}},
		{"a mirror beside a maker", other.with("syncs/mails.yaml", syncOf("prod", "mails", "contact", "telephone1", ", mode: mirror")), []string{"sync mails mirrors its model in prod/contact", "prod/contacts, version 1"}},
		{"the same organisation twice", files{
			"environments/copy.yaml": environment("copy", nowhere),
			"syncs/contacts.yaml":    syncOf("copy", "contacts", "contact", "lastname"), "syncs/q.sql": "SELECT id, name FROM t1",
		}, []string{"environments prod and copy are one organisation", "sync contacts"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			h.apply(one().with("syncs/accounts.yaml", syncOf("prod", "accounts", "account", "name", ", mode: mirror")).request("ana"))
			before := h.bucket()
			r := c.files.request("ben")
			refused(t, h.call(control.Apply, r, &penstockv1.ApplyResponse{}), "refused", c.want...)
			equal(t, "what is applied", h.bucket(), before)
			shown := &penstockv1.ApplyResponse{}
			if err := h.call(control.Diff, r, shown); err != nil || len(shown.GetRefused()) != 1 {
				t.Errorf("the difference says %v, %v", shown.GetRefused(), err)
			}

			r.Unchecked = true
			stored := &penstockv1.ApplyResponse{}
			if err := h.call(control.Apply, r, stored); err != nil {
				t.Fatal(err)
			}
			equal(t, "reasons that did not count", len(stored.GetRefused()), 1)
			// What is wrong already is held against nobody.
			h.apply(one().with("syncs/accounts.yaml", syncOf("prod", "accounts", "account", "name", ", mode: mirror"), "syncs/q.sql", "SELECT id, name FROM t3").request("ana"))
		})
	}
}

func TestAFolderWithAFaultIsRefused(t *testing.T) {
	h := newHouse(t)
	refused(t, h.call(control.Apply, one().with("syncs/contacts.yaml", "sync: contacts\nfrm: 1\n").request("ana"), &penstockv1.ApplyResponse{}), "bad_request", "/files/syncs/contacts.yaml:2:1", "frm")
	equal(t, "what is stored", len(h.bucket())+len(h.kept()), 0)
}

func TestWhatAFolderHasNoMoreIsRemovedOnlyWhenAsked(t *testing.T) {
	h := newHouse(t)
	h.apply(one().request("ana"))
	less := one().with("syncs/contacts.yaml", "")
	resp := h.apply(less.request("ana"))
	equal(t, "without prune", kinds(resp)+" | "+strings.Join(resp.GetAbsent(), ", "), "prod unchanged 1->1, prod/accounts unchanged 1->1 | prod/contacts")
	run := func() error {
		return h.call(control.Run, &penstockv1.RunRequest{Environment: "prod", Sync: "contacts"}, &penstockv1.RunResponse{})
	}

	pruned := less.request("ben")
	pruned.Prune, pruned.Reason = true, "contacts come from elsewhere"
	equal(t, "with prune", kinds(h.apply(pruned)), "prod unchanged 1->1, prod/accounts unchanged 1->1, prod/contacts removed 1->2")
	if _, there := h.bucket()["sync.prod.contacts"]; there {
		t.Error("the removed sync is still in the bucket")
	}
	refused(t, run(), "not_found", "sync prod/contacts was removed by ben", "contacts come from elsewhere", "penstock rollback prod/contacts")
	equal(t, "with prune again", kinds(h.apply(pruned)), "prod unchanged 1->1, prod/accounts unchanged 1->1")

	equal(t, "when it is back", kinds(h.apply(one().request("ana"))), "prod unchanged 1->1, prod/accounts unchanged 1->1, prod/contacts restored 2->3")
	equal(t, "history", h.history("prod", "contacts"), []string{
		"prod/contacts 3 by ana (): brought back", "prod/contacts 2 by ben (contacts come from elsewhere): removed", "prod/contacts 1 by ana (): first version",
	})
}

func TestADroppedEnvironmentTakesItsSyncsAlong(t *testing.T) {
	h := newHouse(t)
	h.apply(one().request("ana"))
	other := files{
		"environments/dev.yaml": environment("dev", "two.crm4.dynamics.com"),
		"syncs/contacts.yaml":   syncOf("dev", "contacts", "contact", "lastname"), "syncs/q.sql": "SELECT id, name FROM t1",
	}
	r := other.request("ben")
	r.Prune = true // says nothing of other environments
	equal(t, "another folder", kinds(h.apply(r)), "dev added 0->1, dev/contacts added 0->1")
	r.Drop = []string{"dev"}
	refused(t, h.call(control.Apply, r, &penstockv1.ApplyResponse{}), "bad_request", "environment dev is in the folder")
	r.Drop = []string{"prd"}
	refused(t, h.call(control.Apply, r, &penstockv1.ApplyResponse{}), "not_found", "prd is not applied", "did you mean prod?")
	r.Drop = []string{"prod"}
	equal(t, "with drop", kinds(h.apply(r)), "dev unchanged 1->1, prod removed 1->2, dev/contacts unchanged 1->1, prod/accounts removed 1->2, prod/contacts removed 1->2")
	equal(t, "what is left", slices.Sorted(maps.Keys(h.bucket())), []string{"environment.dev", "sync.dev.contacts"})
}

// underWay makes a record that says that a run of a sync is under way, and that its environment is that organisation.
// Nobody else leads the sync until the test ends.
func (h *house) underWay(id penstock.SyncID, organization string) *queue.Queue {
	h.t.Helper()
	q, err := queue.Open(h.t.Context(), queue.Config{URL: h.nats.URL(), Name: "test", Timing: penstock.DefaultTiming().Divide(4)}, slog.New(slog.DiscardHandler))
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(q.Close)
	lease, err := q.Acquire(h.t.Context(), queue.LeaderLease(id), "test")
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = lease.Release(context.WithoutCancel(h.t.Context())) })
	h.phase(q, id, organization, penstock.Publishing)
	return q
}

func (h *house) phase(q *queue.Queue, id penstock.SyncID, organization string, phase penstock.Phase) {
	h.t.Helper()
	_, err := q.UpdateRun(h.t.Context(), id, func(r *penstock.Run) error {
		r.ID.Organization, r.ID.Number, r.Phase, r.Stored = organization, 1, phase, true
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestAnEnvironmentIsNotDroppedFromUnderARun(t *testing.T) {
	h := newHouse(t)
	h.apply(one().request("ana"))
	id := penstock.SyncID{Environment: "prod", Name: "contacts"}
	q := h.underWay(id, "1")
	r := files{
		"environments/dev.yaml": environment("dev", "two.crm4.dynamics.com"),
		"syncs/leads.yaml":      syncOf("dev", "leads", "lead", "subject"), "syncs/q.sql": "SELECT id, name FROM t1",
	}.request("ben")
	r.Drop = []string{"prod"}
	refused(t, h.call(control.Apply, r, &penstockv1.ApplyResponse{}), "refused", "run 1 of prod/contacts is under way")
	h.phase(q, id, "1", penstock.Closed)
	equal(t, "once it is over", kinds(h.apply(r)), "dev added 0->1, prod removed 1->2, dev/leads added 0->1, prod/accounts removed 1->2, prod/contacts removed 1->2")
}

func TestOrganisationsAreKnownFromRuns(t *testing.T) {
	h := newHouse(t)
	h.apply(one().request("ana"))
	dev := func(host, sync, column string) *penstockv1.ApplyRequest {
		return files{
			"environments/dev.yaml": environment("dev", host),
			"syncs/leads.yaml":      syncOf("dev", "leads", "lead", "subject"), "syncs/contacts.yaml": syncOf("dev", sync, "contact", column), "syncs/q.sql": "SELECT id, name FROM t1",
		}.request("ben")
	}
	h.apply(dev("vanity.example.com", "people", "nickname"))
	h.underWay(penstock.SyncID{Environment: "prod", Name: "contacts"}, "1")
	h.underWay(penstock.SyncID{Environment: "dev", Name: "leads"}, "1")
	refused(t, h.call(control.Apply, dev("vanity.example.com", "contacts", "lastname"), &penstockv1.ApplyResponse{}), "refused", "environments prod and dev are one organisation")
	h.apply(dev("other.example.com", "contacts", "lastname")) // of which nothing is known yet
}

func TestARollbackIsANewVersion(t *testing.T) {
	h := newHouse(t)
	for i, column := range []string{"lastname", "firstname", "nickname"} {
		r := one().with("syncs/contacts.yaml", syncOf("prod", "contacts", "contact", column)).request("ana")
		r.Reason = fmt.Sprint(i + 1)
		h.apply(r)
	}
	back := func(r *penstockv1.RollbackRequest) (*penstockv1.ApplyResponse, error) {
		r.Environment, r.By = "prod", "ben"
		if r.Sync == "" {
			r.Sync = "contacts"
		}
		resp := &penstockv1.ApplyResponse{}
		err := h.call(control.Rollback, r, resp)
		if len(resp.GetRefused()) > 0 {
			t.Errorf("a rollback that would be refused: %v", resp.GetRefused())
		}
		return resp, err
	}
	documents := h.bucket()
	shown, err := back(&penstockv1.RollbackRequest{Preview: true})
	equal(t, "the preview", kinds(shown)+fmt.Sprint(" ", err), "prod/contacts changed 3->4 <nil>")
	equal(t, "what is applied after a preview", h.bucket(), documents)

	_, err = back(&penstockv1.RollbackRequest{Seen: &penstockv1.SpecVersion{Name: "prod/contacts", Version: 2}})
	refused(t, err, "conflict", "changed by ana", "version 3, not 2")
	_, err = back(&penstockv1.RollbackRequest{To: 9})
	refused(t, err, "not_found", "prod/contacts has no version 9", "penstock history prod/contacts")
	_, err = back(&penstockv1.RollbackRequest{To: 3})
	refused(t, err, "bad_request", "nothing to go back to")
	_, err = back(&penstockv1.RollbackRequest{Sync: "accounts"})
	refused(t, err, "not_found", "prod/accounts has no version before 1")
	_, err = back(&penstockv1.RollbackRequest{Sync: "leads"})
	refused(t, err, "not_found", "prod/leads was never applied")

	done, err := back(&penstockv1.RollbackRequest{Reason: "nicknames are private", Unchecked: true})
	equal(t, "back by one", kinds(done)+fmt.Sprint(" ", err), "prod/contacts changed 3->4 <nil>")
	done, err = back(&penstockv1.RollbackRequest{To: 1, Unchecked: true})
	equal(t, "back to the first", kinds(done)+fmt.Sprint(" ", err), "prod/contacts changed 4->5 <nil>")
	equal(t, "history", h.history("prod", "contacts")[:2], []string{
		"prod/contacts 5 by ben (back to version 1): map.lastname, map.firstname", "prod/contacts 4 by ben (back to version 2: nicknames are private): map.firstname, map.nickname",
	})

	// An earlier version is checked beside what is applied today.
	h.apply(files{
		"environments/prod.yaml": one()["environments/prod.yaml"], "syncs/q.sql": "SELECT id, name FROM t1",
		"syncs/names.yaml": syncOf("prod", "names", "contact", "nickname"),
	}.request("ana"))
	_, err = back(&penstockv1.RollbackRequest{To: 3})
	refused(t, err, "refused", "syncs names and contacts both write prod/contact.nickname", "prod/contacts, version 3")

	removed := one().with("syncs/contacts.yaml", "").request("ana")
	removed.Prune = true
	removed.Documents = append(removed.Documents, &penstockv1.Document{File: "syncs/names.yaml", Text: syncOf("prod", "names", "contact", "nickname")})
	h.apply(removed)
	_, err = back(&penstockv1.RollbackRequest{To: 6})
	refused(t, err, "bad_request", "version 6 of prod/contacts is its removal")
	done, err = back(&penstockv1.RollbackRequest{Unchecked: true})
	equal(t, "back from a removal", kinds(done)+fmt.Sprint(" ", err), "prod/contacts restored 6->7 <nil>")
	equal(t, "what the bucket has", h.bucket(), h.kept())
}

func TestARollbackToWhatComesAfterSomethingRemovedIsRefused(t *testing.T) {
	h := newHouse(t)
	h.apply(one().with("syncs/contacts.yaml", one()["syncs/contacts.yaml"]+"after: accounts\n").request("ana"))
	r := one().with("syncs/accounts.yaml", "").request("ana")
	r.Prune = true
	h.apply(r)
	err := h.call(control.Rollback, &penstockv1.RollbackRequest{Environment: "prod", Sync: "contacts"}, &penstockv1.ApplyResponse{})
	refused(t, err, "refused", "after names accounts, which is no sync of environment prod")
}

func TestTwoVersionsAreCompared(t *testing.T) {
	h := newHouse(t)
	for _, query := range []string{"SELECT id,\n  name\nFROM x", "SELECT id,\n  name\nFROM y", "SELECT id,\n  name\nFROM x"} {
		h.apply(one().with("syncs/q.sql", query).request("ana"))
	}
	for _, c := range []struct {
		from, to uint64
		want     string
	}{
		{0, 0, "2->3 [ SELECT id,    name -FROM y +FROM x]"},
		{1, 2, "1->2 [ SELECT id,    name -FROM x +FROM y]"},
		{2, 1, "2->1 [ SELECT id,    name -FROM y +FROM x]"},
		{1, 3, "1->3 "},
		{0, 2, "1->2 [ SELECT id,    name -FROM x +FROM y]"},
		{2, 0, "2->3 [ SELECT id,    name -FROM y +FROM x]"},
	} {
		resp := &penstockv1.CompareResponse{}
		err := h.call(control.Compare, &penstockv1.CompareRequest{Environment: "prod", Sync: "contacts", From: c.from, To: c.to}, resp)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprintf("%d->%d ", resp.GetFrom().GetVersion(), resp.GetTo().GetVersion())
		for _, d := range resp.GetDifferences() {
			got += fmt.Sprint(d.GetLines())
		}
		equal(t, fmt.Sprintf("from %d to %d", c.from, c.to), got, c.want)
	}
	refused(t, h.call(control.Compare, &penstockv1.CompareRequest{Environment: "prod", Sync: "contacts", From: 7}, &penstockv1.CompareResponse{}), "not_found", "no version 7")
	refused(t, h.call(control.Compare, &penstockv1.CompareRequest{Environment: "dev"}, &penstockv1.CompareResponse{}), "not_found", "dev was never applied")
}

func TestWhatJetStreamLostComesBackFromClickHouse(t *testing.T) {
	h := newHouse(t)
	h.apply(one().request("ana"))
	r := one().with("syncs/accounts.yaml", "", "syncs/q.sql", "SELECT id, name FROM t2").request("ana")
	r.Prune = true
	h.apply(r)
	before, history := h.bucket(), h.history("", "")
	h.stop()
	h.nats = natstest.Start(t) // with nothing in it
	h.connect()
	h.start()
	equal(t, "the bucket", h.bucket(), before)
	equal(t, "the history", h.history("", ""), history)
	for _, lane := range []string{"live", "bulk"} {
		if _, err := h.js.Consumer(t.Context(), "PENSTOCK_CHANGES", "prod-"+lane); err != nil {
			t.Errorf("the consumer of lane %s: %v", lane, err)
		}
	}
	refused(t, h.call(control.Run, &penstockv1.RunRequest{Environment: "prod", Sync: "accounts"}, &penstockv1.RunResponse{}), "not_found", "prod/accounts was removed by ana")
	if err := h.call(control.Run, &penstockv1.RunRequest{Environment: "prod", Sync: "contacts"}, &penstockv1.RunResponse{}); err != nil {
		t.Errorf("a run of a sync that came back: %v", err)
	}
	equal(t, "the next version", kinds(h.apply(one().request("ana"))), "prod unchanged 1->1, prod/accounts restored 2->3, prod/contacts changed 2->3")
}

func TestWhatClickHouseLostComesBackFromJetStream(t *testing.T) {
	h := newHouse(t)
	h.apply(one().request("ana"))
	before := h.kept()
	if err := clickhousetest.Open(t).Exec(t.Context(), "TRUNCATE TABLE "+h.database+".specs"); err != nil {
		t.Fatal(err)
	}
	equal(t, "the next version", kinds(h.apply(one().with("syncs/contacts.yaml", syncOf("prod", "contacts", "contact", "firstname")).request("ben"))),
		"prod unchanged 1->1, prod/accounts unchanged 1->1, prod/contacts changed 1->2")
	now := h.kept()
	equal(t, "what was not changed", now["sync.prod.accounts"], before["sync.prod.accounts"])
	equal(t, "the history", h.history("prod", "contacts"), []string{"prod/contacts 2 by ben (): map.firstname, map.lastname", "prod/contacts 1 by ana (): first version"})
}

func TestAnApplyThatWasCutShortIsFinishedByTheNextToStart(t *testing.T) {
	h := newHouse(t)
	h.apply(one().request("ana"))
	kv, err := h.js.KeyValue(t.Context(), "penstock_specs")
	if err != nil {
		t.Fatal(err)
	}
	old, err := kv.Get(t.Context(), "sync.prod.contacts")
	if err != nil {
		t.Fatal(err)
	}
	h.apply(one().with("syncs/q.sql", "SELECT id, name FROM t2").request("ana"))
	want := h.bucket()
	h.stop()
	// As if the process had died after the first document: ClickHouse has all of them, the bucket one.
	if _, err := kv.Put(t.Context(), "sync.prod.contacts", old.Value()); err != nil {
		t.Fatal(err)
	}
	h.start()
	equal(t, "the bucket", h.bucket(), want)
}

func TestAnEnvironmentHasItsConsumersBeforeItIsApplied(t *testing.T) {
	h := newHouse(t)
	stream, err := h.js.Stream(t.Context(), "PENSTOCK_CHANGES")
	if err != nil {
		t.Fatal(err)
	}
	// One that is declared otherwise is never changed, so the environment cannot have its own.
	other, err := stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "prod-bulk", FilterSubject: "penstock.changes.prod.bulk.*", MaxDeliver: 5, AckPolicy: jetstream.AckExplicitPolicy})
	if err != nil {
		t.Fatal(err)
	}
	r := one().request("ana")
	r.Unchecked = true
	err = h.call(control.Apply, r, &penstockv1.ApplyResponse{})
	if err == nil || !strings.Contains(err.Error(), "prod-bulk") {
		t.Errorf("answered %v, want the consumer that differs", err)
	}
	equal(t, "what is stored", len(h.bucket())+len(h.kept()), 0)
	if err := stream.DeleteConsumer(t.Context(), other.CachedInfo().Name); err != nil {
		t.Fatal(err)
	}
	h.apply(one().request("ana"))
	for _, lane := range []string{"live", "bulk"} {
		if _, err := stream.Consumer(t.Context(), "prod-"+lane); err != nil {
			t.Errorf("the consumer of lane %s: %v", lane, err)
		}
	}
}

func TestWhatAnotherPenstockStoredStandsInTheWayOfItselfAlone(t *testing.T) {
	h := newHouse(t)
	folder := one()
	h.apply(folder.request("me"))
	kv, err := h.js.KeyValue(t.Context(), "penstock_specs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Put(t.Context(), "sync.prod.accounts", []byte(`{"version":1,"spec":{"name":"accounts","to":"account"}}`)); err != nil {
		t.Fatal(err)
	}
	files := folder.request("me")
	resp := &penstockv1.PlanResponse{}
	if err := h.call(control.Plan, &penstockv1.PlanRequest{Folder: files.GetFolder(), Documents: files.GetDocuments()}, resp); err != nil || len(resp.GetSyncs()) != 2 {
		t.Errorf("the plan of the files that mend it: %v, %v", err, resp)
	}
	if err := h.call(control.Plan, &penstockv1.PlanRequest{Names: []string{"prod/contacts"}}, resp); err != nil {
		t.Errorf("the plan of the other sync: %v", err)
	}
	refused(t, h.call(control.Plan, &penstockv1.PlanRequest{}, resp), "unavailable", "prod/accounts", "apply its files again")
	refused(t, h.call(control.Run, &penstockv1.RunRequest{Environment: "prod", Sync: "accounts"}, &penstockv1.RunResponse{}), "unavailable", "apply its files again")
	if err := h.call(control.Run, &penstockv1.RunRequest{Environment: "prod", Sync: "contacts"}, &penstockv1.RunResponse{}); err != nil {
		t.Errorf("the run of the other sync: %v", err)
	}
}
