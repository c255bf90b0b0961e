package emulator

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/latency"
)

func TestTheRateHeaders(t *testing.T) { // 5.2
	s := New(Config{Limits: Limits{Requests: 2}})
	h := serve(t, s, "GET", "WhoAmI", "").Header()
	if h.Get("x-ms-ratelimit-burst-remaining-xrm-requests") != "1" || h.Get("x-ms-ratelimit-time-remaining-xrm-requests") != "1,200.00" || h.Get("x-ms-dop-hint") != "5" {
		t.Errorf("got %v", h)
	}
	serve(t, s, "GET", "WhoAmI", "")
	w := serve(t, s, "PATCH", "accounts(accountnumber='A-1')", `{}`)
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "limit of 2") {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if s.Count("account") != 0 {
		t.Error("a throttled request was executed")
	}
}

func TestLatencyIsPerRequestAndPerOperation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Latency: Latency{Request: time.Second, Operation: 10 * time.Millisecond}})
		before := time.Now()
		serve(t, s, "PATCH", "accounts(accountnumber='A-1')", `{}`)
		if took := time.Since(before); took != 1010*time.Millisecond {
			t.Errorf("took %v", took)
		}
		if w := serve(t, s, "GET", "WhoAmI", ""); w.Header().Get("x-ms-ratelimit-time-remaining-xrm-requests") != "1,198.99" {
			t.Errorf("latency is charged to the execution time: %v", w.Header())
		}
	})
}

// header sends a request with one header more, and returns the answer's headers.
func withHeader(t *testing.T, s *Server, name, value string) http.Header {
	t.Helper()
	r := request(t, s, "GET", "WhoAmI", "")
	r.Header.Set(name, value)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Header()
}

const left = "x-ms-ratelimit-burst-remaining-xrm-requests"

func TestEachWebServerHasLimitsOfItsOwn(t *testing.T) { // 5.1, 5.2
	s := New(Config{Servers: 2, Limits: Limits{Requests: 10}})
	var seen []string
	for range 4 {
		seen = append(seen, serve(t, s, "GET", "WhoAmI", "").Header().Get(left))
	}
	if strings.Join(seen, " ") != "9 9 8 8" {
		t.Errorf("without a cookie the servers take turns: %v", seen)
	}
	cookies := serve(t, s, "GET", "WhoAmI", "").Header().Values("Set-Cookie") // server 0
	if len(cookies) != 2 || !strings.HasPrefix(cookies[0], "ARRAffinity=") || strings.Contains(cookies[0], "domain=") || !strings.Contains(cookies[1], "; domain=") {
		t.Fatalf("the affinity cookie comes twice, the second time with a domain: %q", cookies)
	}
	pin, _, _ := strings.Cut(cookies[0], ";")
	seen = nil
	for range 3 {
		seen = append(seen, withHeader(t, s, "Cookie", pin).Get(left))
	}
	if strings.Join(seen, " ") != "6 5 4" {
		t.Errorf("with its cookie the client stays where it is: %v", seen)
	}
	for _, b := range s.Budgets() {
		if want := []int{4, 8}[b.Server]; b.Requests != want || b.User != SandboxClient {
			t.Errorf("budget %+v, not %d left", b, want)
		}
	}
}

func TestAffinityCanBeOff(t *testing.T) {
	s := New(Config{Servers: 2, NoAffinity: true, Limits: Limits{Requests: 10}})
	if c := serve(t, s, "GET", "WhoAmI", "").Header().Values("Set-Cookie"); len(c) != 0 {
		t.Errorf("got %q", c)
	}
	if got := withHeader(t, s, "Cookie", "ARRAffinity="+s.servers.Cookie(0)).Get(left); got != "9" {
		t.Errorf("a cookie is ignored: %s left", got)
	}
}

func TestABatchCanBeRefusedFromWithin(t *testing.T) { // 3.5
	s := New(Config{Limits: Limits{Requests: 1, Inner: 1}})
	serve(t, s, "GET", "WhoAmI", "")
	part := "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nPATCH /api/data/v9.2/accounts(accountnumber='A') HTTP/1.1\r\n\r\n{}\r\n"
	r := request(t, s, "POST", "$batch", part+part+"--b--\r\n")
	r.URL.Path = r.RequestURI
	r.Header.Set("Content-Type", "multipart/mixed; boundary=b")
	r.Header.Set("Prefer", "odata.continue-on-error")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != http.StatusOK || strings.Count(w.Body.String(), "HTTP/1.1 429") != 2 || strings.Count(w.Body.String(), "Retry-After: ") != 2 || s.Count("account") != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := serve(t, s, "GET", "WhoAmI", ""); w.Code != http.StatusTooManyRequests {
		t.Errorf("what is no batch is refused as a whole: %d", w.Code)
	}
}

func TestPlugInsAndKeysTakeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Latency: Latency{
			Key: time.Millisecond, Create: 10 * time.Millisecond,
			PlugIns: []latency.PlugIn{{Name: "scoring", Table: "account", Message: latency.Update, Cost: time.Second}},
		}})
		for i, want := range []time.Duration{11 * time.Millisecond, 1001 * time.Millisecond} {
			before := time.Now()
			serve(t, s, "PATCH", "accounts(accountnumber='A-1')", `{}`)
			if took := time.Since(before); took != want {
				t.Errorf("upsert %d took %v, not %v", i, took, want)
			}
		}
		if left := s.Budgets()[0].Execution; left != 1200*time.Second-1012*time.Millisecond {
			t.Errorf("left: %v", left)
		}
	})
}

func TestAClientThatGoesAwayIsChargedAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Latency: Latency{Request: 100 * time.Second}})
		r := request(t, s, "GET", "WhoAmI", "")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		before := time.Now()
		s.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx))
		if took := time.Since(before); took != time.Second {
			t.Errorf("the server held on for %v", took)
		}
		if left := s.Budgets()[0].Execution; left != 1100*time.Second {
			t.Errorf("left: %v", left)
		}
	})
}

func TestAWebServerHasOnlySoManyWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Latency: Latency{Request: time.Second, Workers: 2}})
		var wg sync.WaitGroup
		before := time.Now()
		for range 4 {
			r := request(t, s, "GET", "WhoAmI", "")
			wg.Go(func() { s.ServeHTTP(httptest.NewRecorder(), r) })
		}
		wg.Wait()
		if took := time.Since(before); took != 2*time.Second {
			t.Errorf("4 requests of 1 s by 2 workers took %v", took)
		}
		if left := s.Budgets()[0].Execution; left != 1196*time.Second {
			t.Errorf("waiting is not charged: %v left", left)
		}
	})
}

func TestABypassHeaderLeavesPlugInsOut(t *testing.T) { // 2.1
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{Latency: Latency{Create: time.Millisecond, PlugIns: []latency.PlugIn{{Name: "slow", Cost: time.Second}}}})
		for i, c := range []struct {
			header, value string
			want          time.Duration
		}{
			{"MSCRM.BypassBusinessLogicExecution", "CustomSync,CustomAsync", time.Millisecond},
			{"MSCRM.BypassCustomPluginExecution", "true", time.Millisecond},
			{"MSCRM.BypassBusinessLogicExecution", "CustomAsync", 1001 * time.Millisecond},
			{"MSCRM.BypassCustomPluginExecution", "false", 1001 * time.Millisecond},
		} {
			r := request(t, s, "PATCH", "accounts(accountnumber='"+string(rune('A'+i))+"')", `{}`)
			r.Header.Set(c.header, c.value)
			before := time.Now()
			s.ServeHTTP(httptest.NewRecorder(), r)
			if took := time.Since(before); took != c.want {
				t.Errorf("%s: %s took %v", c.header, c.value, took)
			}
		}
	})
}
