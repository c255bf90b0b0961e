package queue

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

func TestResultsLettersAndRequestsPass(t *testing.T) {
	_, q := start(t, nil)
	at := time.Date(2026, 11, 22, 10, 11, 12, 13, time.UTC)
	result := penstock.Result{
		Run: runID(3), Chunk: 4, Fingerprint: 1<<63 + 5, Deliveries: 2, Unanswered: true, Finished: at, Count: 2,
		Changes: []penstock.Settled{
			{Operation: penstock.Upsert, Outcome: penstock.Accepted, Key: "é", Address: "contacts(1)", Hash: penstock.Hash{1, 15: 2}},
			{Operation: penstock.Delete, Outcome: penstock.Unknown, Key: "b"},
		},
		Suspend: &penstock.Cause{Class: penstock.Permission, Privilege: "prvWriteContact", Status: 403}, Exhausted: 7,
	}
	letter := penstock.Letter{
		Run: runID(3), Chunk: 4, Ordinal: 2, Table: "contact", Operation: penstock.Update, Key: "k", Hash: penstock.Hash{3},
		Fingerprint: 9, Rows: 3, At: at,
		Cause: penstock.Cause{Class: penstock.Reference, Code: "0x80040217", Column: "parentcustomerid", Target: "account", Message: "bad \xff byte", RequestID: "r", Key: "External id"},
	}
	request := penstock.Request{Sync: contacts, Full: true, By: "me", Reason: "because"}
	must(t, q.PublishResult(t.Context(), result))
	must(t, q.PublishLetters(t.Context(), []penstock.Letter{letter}))
	must(t, q.PublishRequest(t.Context(), request))

	results, err := q.TakeResults(t.Context(), 1, 2*time.Second)
	must(t, err)
	if len(results) != 1 || results[0].Err != nil || !reflect.DeepEqual(results[0].Value, result) {
		t.Errorf("result: %+v", results)
	}
	letters, err := q.TakeLetters(t.Context(), 1, 2*time.Second)
	must(t, err)
	letter.Cause.Message = "bad \uFFFD byte"
	if len(letters) != 1 || letters[0].Err != nil || !reflect.DeepEqual(letters[0].Value, letter) {
		t.Errorf("letter: %+v", letters)
	}
	requests, err := q.TakeRequests(t.Context(), 1, 2*time.Second)
	must(t, err)
	if len(requests) != 1 || requests[0].Err != nil || requests[0].Value != request {
		t.Errorf("request: %+v", requests)
	}
	must(t, Ack(t.Context(), results...))
	must(t, Ack(t.Context(), letters...))
	must(t, Ack(t.Context(), requests...))
	if b, err := q.Backlog(t.Context(), contacts); err != nil || b != (Backlog{}) {
		t.Errorf("left after the acks: %+v, %v", b, err)
	}
	if again, err := q.TakeRequests(t.Context(), 1, time.Millisecond); err != nil || len(again) != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

func TestAnyoneMayPublishARequestAsJSON(t *testing.T) {
	_, q := start(t, nil)
	for _, test := range []struct {
		body string
		want penstock.Request
		err  string
	}{
		{"", penstock.Request{Sync: contacts}, ""},
		{"{}", penstock.Request{Sync: contacts}, ""},
		{`{"full":true,"by":"airflow"}`, penstock.Request{Sync: contacts, Full: true, By: "airflow"}, ""},
		{`{"ful":true}`, penstock.Request{}, "ful"},
		{"please", penstock.Request{}, "penstock.request.test.contacts"},
	} {
		must(t, q.conn.Publish("penstock.request.test.contacts", []byte(test.body)))
		got, err := q.TakeRequests(t.Context(), 1, 5*time.Second)
		must(t, err)
		if len(got) != 1 {
			t.Fatalf("%q: %d requests", test.body, len(got))
		}
		m := got[0]
		switch {
		case test.err == "" && (m.Err != nil || m.Value != test.want):
			t.Errorf("%q: %+v, %v", test.body, m.Value, m.Err)
		case test.err != "" && (m.Err == nil || !strings.Contains(m.Err.Error(), test.err)):
			t.Errorf("%q: error %v", test.body, m.Err)
		}
		must(t, Ack(t.Context(), m))
	}
}

func TestManyLettersAndResultsComeInBatches(t *testing.T) {
	_, q := start(t, nil)
	var letters []penstock.Letter
	for i := range uint32(150) {
		letters = append(letters, penstock.Letter{Run: runID(3), Chunk: 1, Ordinal: i, Cause: penstock.Cause{Class: penstock.Validation}})
	}
	must(t, q.PublishLetters(t.Context(), letters))
	seen := map[uint32]bool{}
	for len(seen) < len(letters) {
		got, err := q.TakeLetters(t.Context(), 100, 50*time.Millisecond)
		must(t, err)
		if len(got) > 100 {
			t.Fatalf("%d at once", len(got))
		}
		for _, m := range got {
			seen[m.Value.Ordinal] = true
		}
		must(t, Ack(t.Context(), got...))
	}
	err := q.PublishLetters(t.Context(), []penstock.Letter{{Run: runID(3), Cause: penstock.Cause{Class: "a.b"}}})
	if err == nil {
		t.Error("a class with a dot was published")
	}
}

func TestEventsReachWhoListens(t *testing.T) {
	_, q := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	one, err := q.Events(ctx, contacts)
	must(t, err)
	all, err := q.Events(ctx, penstock.SyncID{})
	must(t, err)
	want := penstock.Event{
		Run: runID(3), Phase: penstock.Closed, Counts: penstock.Counts{Read: 1 << 40, Accepted: 2, LeftNotSent: 3, Truncated: 4}, Published: 4, Settled: 5,
		Reason: "r", At: time.Unix(9, 0).UTC(),
	}
	must(t, q.conn.Publish(subjectOfEvents(contacts), []byte("not an event")))
	must(t, q.PublishEvent(want))
	for got := range one {
		if got != want {
			t.Errorf("got %+v", got)
		}
		break
	}
	for got := range all {
		if got != want {
			t.Errorf("got %+v", got)
		}
		cancel()
	}
}

// FuzzChunk encodes and decodes what the extractor could publish.
func FuzzChunk(f *testing.F) {
	f.Add("contacts", uint64(1), uint64(2), uint32(3), "C-1", []byte(`{"a":1}`), []byte("0123456789abcdef"), uint8(0), int64(5))
	f.Add("", uint64(0), uint64(0), uint32(0), "", []byte{}, []byte{}, uint8(9), int64(-5))
	f.Add("a.b", uint64(1<<63), uint64(1<<63), uint32(1<<31), "\xff", []byte(strings.Repeat("x", 9000)), []byte{1}, uint8(3), int64(1<<40))
	f.Fuzz(func(t *testing.T, name string, number, epoch uint64, ordinal uint32, key string, body, hash []byte, operation uint8, created int64) {
		c := &penstock.Chunk{
			Run:     penstock.RunID{Sync: penstock.SyncID{Environment: "e", Name: name}, Organization: "o", Number: number, Epoch: epoch},
			Ordinal: ordinal, Lane: penstock.Lane(operation % 2), Table: "contact", Fingerprint: number ^ epoch,
			Created: time.Unix(created%(1<<33), 0).UTC(),
			Execution: penstock.Execution{
				BypassSync: operation&1 > 0, BypassAsync: operation&2 > 0, BypassFlows: operation&4 > 0, DetectDuplicates: operation&8 > 0,
			},
		}
		if operation&16 > 0 {
			c.Execution.BypassSteps = []string{"5f3c0b7e-1111-4222-8333-444455556666"}
		}
		change := penstock.Change{Operation: penstock.Operation(operation % 4), Key: key, Address: key, Body: body}
		copy(change.Hash[:], hash)
		c.Changes = []penstock.Change{change, {Key: "second", Operation: penstock.Delete}}
		msg, err := encodeChunk(c)
		if err != nil {
			if token.MatchString(name) && strings.ToValidUTF8(key, "") == key {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		back, err := decodeChunk(msg)
		if err != nil {
			t.Fatal(err)
		}
		if len(body) == 0 { // nil and empty are the same
			c.Changes[0].Body, back.Changes[0].Body = nil, nil
		}
		if !reflect.DeepEqual(c, back) {
			t.Fatalf("%+v\nbecame\n%+v", c, back)
		}
		run, o, count, err := decodeHeaders(msg)
		if err != nil || run != c.Run || o != ordinal || count != 2 {
			t.Fatalf("headers: %+v %d %d %v", run, o, count, err)
		}
	})
}

// FuzzDecode feeds the readers with what anybody might publish.
func FuzzDecode(f *testing.F) {
	good, err := encodeChunk(chunk(1, penstock.Live, 3, 5000))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good.Data, protobufType, s2Encoding)
	f.Add([]byte("{}"), "", "")
	f.Add([]byte(`{"run":{"environment":"test","sync":"contacts"},"changes":[{"outcome":7}]}`), "application/json", "")
	f.Add([]byte("\xff\xff\xff\xff\x0f"), protobufType, s2Encoding)
	f.Fuzz(func(_ *testing.T, data []byte, kind, encoding string) {
		msg := &nats.Msg{
			Subject: subjectOfChanges(contacts, penstock.Live), Data: data,
			Header: nats.Header{contentType: {kind}, contentEncoding: {encoding}, headerRun: {kind}, headerChunk: {encoding}},
		}
		_, _ = decodeChunk(msg) // must not panic, and that is all
		_, _, _, _ = decodeHeaders(msg)
		_, _ = decodeResult(msg.Header, subjectOfResult(contacts), data)
		_, _ = decodeLetter(msg.Header, subjectOfLetter(contacts, penstock.Mapping), data)
		_, _ = decodeRequest(msg.Header, subjectOfRequest(contacts), data)
		_, _ = decodeEvent(msg)
		_, _ = syncOf(kind)
	})
}

// BenchmarkChunks puts chunks of 256 KiB (bodies like JSON) through the queue, one taker, server and all in this process.
func BenchmarkChunks(b *testing.B) {
	_, q := start(b, func(c *Config) { c.Timing = penstock.DefaultTiming(); c.MaxBytes = 8 << 30 })
	c := chunk(1, penstock.Live, 1000, 0)
	for i := range c.Changes {
		c.Changes[i].Body = []byte(`{"firstname":"Ada","lastname":"Lovelace ` + c.Changes[i].Key + `","emailaddress1":"ada.` + c.Changes[i].Key +
			`@example.org","telephone1":"+49 30 123456","donotemail":false,"creditlimit":1234.50,"description":"a customer since 1843, and a very good one"}`)
	}
	b.ReportAllocs()
	published := make(chan error, 1)
	began := time.Now()
	b.ResetTimer()
	go func() {
		p := q.Publisher(nil)
		for i := range b.N {
			next := *c
			next.Ordinal = uint32(i + 1)
			if err := p.Publish(b.Context(), &next); err != nil {
				published <- err
				return
			}
		}
		published <- p.Flush(b.Context())
	}()
	for n := 0; n < b.N; {
		d, err := q.Take(b.Context(), environment)
		must(b, err)
		if d != nil {
			must(b, d.Ack(b.Context()))
			n++
		}
	}
	must(b, <-published)
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "chunks/s")
}
