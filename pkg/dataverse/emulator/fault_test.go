package emulator_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

func TestFaultsOfARequest(t *testing.T) {
	var fault emulator.Fault
	e := start(t, emulator.Config{Faults: emulator.Faults{Request: func(*http.Request, emulator.Request) emulator.Fault { return fault }}})
	send := func() (answer, error) {
		return e.try(e.request("POST", "$batch", inBatch(patch("A-1", `{"name":"x"}`)), "Content-Type: multipart/mixed; boundary=b"))
	}
	for _, c := range []struct {
		name   string
		fault  emulator.Fault
		status int // 0: a transport error
		rows   int
		check  func(*testing.T, answer)
	}{
		{"none", emulator.Fault{}, 200, 1, nil},
		{
			"throttled",
			emulator.Fault{Kind: emulator.Refuse, Status: 429, Code: "0x80072322", Message: "Number of requests exceeded.", RetryAfter: 26500 * time.Millisecond},
			429, 0,
			func(t *testing.T, a answer) {
				if a.header.Get("Retry-After") != "27" || a.code() != "0x80072322" {
					t.Errorf("%v %s", a.header, a.body)
				}
			},
		},
		{"bad gateway", emulator.Fault{Kind: emulator.BadGateway}, 502, 0, func(t *testing.T, a answer) {
			if !strings.HasPrefix(a.body, "<html>") {
				t.Errorf("got %s", a.body)
			}
		}},
		{"cut before commit", emulator.Fault{Kind: emulator.Cut}, 0, 0, nil},
		{"cut after commit", emulator.Fault{Kind: emulator.CutAfterCommit}, 0, 1, nil},
		{"truncated multipart", emulator.Fault{Kind: emulator.Truncate}, 200, 1, func(t *testing.T, a answer) {
			if strings.HasSuffix(a.body, "--\r\n") {
				t.Error("the answer is whole")
			}
		}},
		{"delayed", emulator.Fault{Delay: time.Millisecond}, 200, 1, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			e.Reset()
			fault = c.fault
			a, err := send()
			if (err != nil) != (c.status == 0) || a.status != c.status || e.Count("account") != c.rows || len(e.Journal()) != c.rows {
				t.Errorf("%d, %v, %d rows, %d entries", a.status, err, e.Count("account"), len(e.Journal()))
			}
			if c.check != nil {
				c.check(t, a)
			}
		})
	}
}

func TestFaultsOfOneOperationInABatch(t *testing.T) {
	var fault emulator.Fault
	var seen atomic.Pointer[emulator.Operation]
	e := start(t, emulator.Config{Faults: emulator.Faults{Operation: func(o emulator.Operation) emulator.Fault {
		if o.Index != 1 {
			return emulator.Fault{}
		}
		seen.Store(&o)
		return fault
	}}})
	for _, c := range []struct {
		name  string
		fault emulator.Fault
		parts string // of the answer, "" for a transport error
		rows  int
	}{
		{"refused", emulator.Fault{Kind: emulator.Refuse, Status: 400, Code: "0x80044150", Message: "Generic SQL error. Sql Number: 1205"}, "204 400 204", 2},
		{"throttled inside", emulator.Fault{Kind: emulator.Refuse, Status: 429, Code: "0x80072326", RetryAfter: 5 * time.Second}, "204 429 204", 2},
		{"cut before it", emulator.Fault{Kind: emulator.Cut}, "", 1},
		{"cut after it", emulator.Fault{Kind: emulator.CutAfterCommit}, "", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			e.Reset()
			fault = c.fault
			r := e.request("POST", "$batch", inBatch(patch("A-1", `{}`), patch("A-2", `{}`), patch("A-3", `{}`)), "Content-Type: multipart/mixed; boundary=b", goOn)
			a, err := e.try(r)
			if c.parts == "" {
				if err == nil {
					t.Errorf("an answer: %d", a.status)
				}
			} else if parts := e.partsOf(a.header.Get("Content-Type"), a.body); err != nil || statuses(parts) != c.parts {
				t.Errorf("%v, parts %q", err, statuses(parts))
			}
			if e.Count("account") != c.rows {
				t.Errorf("%d rows", e.Count("account"))
			}
			if o := seen.Load(); o.Table != "account" || o.Key != "accountnumber='A-2'" || o.Method != "PATCH" || o.Batch == 0 || o.Operations != 3 || o.User != emulator.SandboxClient {
				t.Errorf("the hook saw %+v", o)
			}
		})
	}
	fault = emulator.Fault{Kind: emulator.Truncate}
	e.Reset()
	a := e.do("POST", "$batch", inBatch(patch("A-1", `{}`), patch("A-2", `{}`), patch("A-3", `{}`)), "Content-Type: multipart/mixed; boundary=b", goOn)
	if strings.Count(a.body, "HTTP/1.1 204") != 2 || strings.HasSuffix(a.body, "--\r\n") || e.Count("account") != 2 {
		t.Errorf("truncated at an operation: %d rows, %q", e.Count("account"), a.body)
	}
}

func TestARequestHangsUntilTheClientGivesUp(t *testing.T) {
	asked := make(chan struct{})
	e := start(t, emulator.Config{Faults: emulator.Faults{Request: func(*http.Request, emulator.Request) emulator.Fault {
		close(asked)
		return emulator.Fault{Kind: emulator.Hang}
	}}})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := e.try(e.request("PATCH", "accounts(accountnumber='A-1')", `{}`).WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if e.Count("account") != 0 {
		t.Error("executed")
	}
}

func TestTheCommittedHookRunsBetweenCommitAndAnswer(t *testing.T) {
	committed, proceed := make(chan emulator.Request), make(chan struct{})
	e := start(t, emulator.Config{Faults: emulator.Faults{Committed: func(_ *http.Request, r emulator.Request) {
		committed <- r
		<-proceed
	}}})
	answered := make(chan int, 1)
	r := e.request("POST", "$batch", inBatch(patch("A-1", `{}`)), "Content-Type: multipart/mixed; boundary=b")
	go func() {
		a, err := e.try(r)
		if err != nil {
			a.status = -1
		}
		answered <- a.status
	}()
	if info := <-committed; info.Operations != 1 || info.Batch != 1 || e.Count("account") != 1 {
		t.Errorf("%+v, %d rows", info, e.Count("account"))
	}
	select {
	case <-answered:
		t.Error("answered before the hook returned")
	default:
	}
	close(proceed)
	if status := <-answered; status != http.StatusOK {
		t.Errorf("status %d", status)
	}
}

func TestTheTokenEndpointCanFail(t *testing.T) {
	fail := false
	e := start(t, emulator.Config{Faults: emulator.Faults{Token: func(*http.Request) emulator.Fault {
		if fail {
			return emulator.Fault{Kind: emulator.BadGateway}
		}
		return emulator.Fault{}
	}}})
	fail = true
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.url+"/"+emulator.SandboxTenant+"/oauth2/v2.0/token", strings.NewReader("x=y"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := e.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != 502 || !strings.HasPrefix(string(body), "<html>") {
		t.Errorf("%d %s %v", response.StatusCode, body, err)
	}
}

func TestARefusalByAnAADSTSNumberIsInTheFormOfEntra(t *testing.T) { // 1.3
	fault := emulator.Fault{}
	e := start(t, emulator.Config{Faults: emulator.Faults{Token: func(*http.Request) emulator.Fault { return fault }}})
	fault = emulator.Fault{Kind: emulator.Refuse, Code: "AADSTS90055", RetryAfter: 3 * time.Second}
	status, body := e.requestToken(emulator.SandboxTenant, nil)
	if description, _ := body["error_description"].(string); status != 429 || body["error"] != "temporarily_unavailable" || !strings.HasPrefix(description, "AADSTS90055: ") {
		t.Errorf("%d %v", status, body)
	}
}

func TestAFaultInAChangeSetThatTakesTimeHoldsNobodyUp(t *testing.T) {
	for _, fault := range []emulator.Fault{{Kind: emulator.Hang}, {Delay: time.Minute}} {
		reached := make(chan struct{})
		asked := map[int]int{}
		e := start(t, emulator.Config{Faults: emulator.Faults{Operation: func(o emulator.Operation) emulator.Fault {
			if o.Batch != 1 {
				return emulator.Fault{}
			}
			if asked[o.Index]++; o.Index == 1 {
				close(reached)
				return fault
			}
			return emulator.Fault{}
		}}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		body := inBatch(inSet(patch("A-1", `{}`), patch("A-2", `{}`)))
		r := e.request("POST", "$batch", body, "Content-Type: multipart/mixed; boundary=b").WithContext(ctx)
		go func() {
			_, err := e.try(r)
			done <- err
		}()
		<-reached
		e.must("PATCH", "accounts(accountnumber='A-3')", `{}`) // not held up, and sees nothing of the change set
		if n := len(e.Rows("account")); n != 1 {
			t.Errorf("%d accounts while the change set waits", n)
		}
		cancel()
		if err := <-done; err == nil {
			t.Error("an answer came")
		}
		if asked[0] != 1 || asked[1] != 1 {
			t.Errorf("the hook was asked %v times", asked)
		}
	}
}

func TestAChangeSetIsExecutedOnceItsFaultIsOver(t *testing.T) {
	e := start(t, emulator.Config{Faults: emulator.Faults{Operation: func(o emulator.Operation) emulator.Fault {
		return emulator.Fault{Delay: time.Duration(o.Index) * time.Millisecond}
	}}})
	outer, parts := e.batch(inBatch(inSet(
		part("POST", "/api/data/v9.2/accounts", jsonHeader, `{"name":"a"}`),
		part("PATCH", "$1", jsonHeader, `{"telephone1":"1"}`),
		part("PATCH", "$1", jsonHeader, `{"telephone2":"2"}`),
	)))
	if outer.status != 200 || statuses(parts) != "204 204 204" || len(e.Rows("account")) != 1 || len(e.Journal()) != 3 {
		t.Errorf("%d %s, %v", outer.status, outer.body, e.Journal())
	}
}
