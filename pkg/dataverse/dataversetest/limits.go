package dataversetest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// limitCases are section 5: service protection, in environments with small limits.
func limitCases() []testCase {
	only := []need{variants}
	// spend sends n requests that must be served.
	spend := func(s *session, n int) {
		s.Helper()
		s.authorization()
		for range n {
			s.send("GET", "WhoAmI", "").is(200)
		}
	}
	few := func(s *session, n int) *session { return s.variant(Variant{Requests: n, Window: time.Minute}) }
	return []testCase{
		{"5.2", "an answer says how many requests are left", nil, func(s *session) {
			s.get("WhoAmI").is(200).headerMatches("x-ms-ratelimit-burst-remaining-xrm-requests", `^\d+$`)
		}},
		{"5.2", "an answer says how much execution time is left, as people write it", nil, func(s *session) {
			s.get("WhoAmI").is(200).headerMatches("x-ms-ratelimit-time-remaining-xrm-requests", `^(\d{1,3}(,\d{3})*)\.\d\d$`)
		}},
		{"5.2", "an answer recommends a degree of parallelism", nil, func(s *session) {
			s.get("WhoAmI").is(200).headerMatches("x-ms-dop-hint", `^[1-9]\d*$`)
		}},
		{"5.1", "the documented execution time has a thousands separator", only, func(s *session) {
			s.variant(Variant{}).send("GET", "WhoAmI", "").is(200).headerMatches("x-ms-ratelimit-time-remaining-xrm-requests", `^1,(200\.00|1\d\d\.\d\d)$`)
		}},
		{"5.1", "the documented number of requests is 6,000", only, func(s *session) {
			s.variant(Variant{}).send("GET", "WhoAmI", "").is(200).headed("x-ms-ratelimit-burst-remaining-xrm-requests", "5999")
		}},
		{"5.2", "each request leaves one less", only, func(s *session) {
			s = few(s, 10)
			s.send("GET", "WhoAmI", "").is(200).headed("x-ms-ratelimit-burst-remaining-xrm-requests", "9")
			s.send("GET", "WhoAmI", "").is(200).headed("x-ms-ratelimit-burst-remaining-xrm-requests", "8")
		}},
		{"5.1", "too many requests are 429, with the number and the window", only, func(s *session) {
			s = few(s, 3)
			spend(s, 3)
			s.send("GET", "WhoAmI", "").refused(429, "0x80072322", "Number of requests exceeded the limit of 3 over time window of 60 seconds.")
		}},
		{"5.1", "429 says in whole seconds when to come again", only, func(s *session) {
			s = few(s, 1)
			spend(s, 1)
			a := s.send("GET", "WhoAmI", "").is(429).headerMatches("Retry-After", `^[1-9]\d*$`)
			if n, _ := strconv.Atoi(a.header.Get("Retry-After")); n > 60 {
				a.errorf("that is longer than the window")
			}
		}},
		{"5.1", "waiting grows for those who do not wait", only, func(s *session) {
			s = few(s, 1)
			spend(s, 1)
			first, _ := strconv.Atoi(s.send("GET", "WhoAmI", "").is(429).header.Get("Retry-After"))
			var last int
			for range 5 {
				last, _ = strconv.Atoi(s.send("GET", "WhoAmI", "").is(429).header.Get("Retry-After"))
			}
			if last <= first {
				s.Errorf("first %d s, then %d s", first, last)
			}
		}},
		{"5.1", "the window slides, and what was throttled was not done", only, func(s *session) {
			s = s.variant(Variant{Requests: 2, Window: time.Second})
			spend(s, 2)
			s.send("PATCH", "accounts({id})", `{"name":"{mark}"}`).is(429)
			s.do("GET", "accounts({id})", "").is(404) // waits as it is told to
		}},
		{"3.4", "a batch is one request", only, func(s *session) {
			s = few(s, 3)
			s.authorization()
			get := op("GET", "WhoAmI", "")
			a := s.send("POST", "$batch", frame(get, get, get, get, get), "Content-Type: multipart/mixed; boundary=batch_1")
			a.is(200).headed("x-ms-ratelimit-burst-remaining-xrm-requests", "2")
		}},
		{"3.5", "a batch is throttled as a whole", only, func(s *session) {
			s = few(s, 1)
			spend(s, 1)
			a := s.send("POST", "$batch", frame(op("PATCH", "accounts({id})", `{"name":"{mark}"}`)), "Content-Type: multipart/mixed; boundary=batch_1", continueOnError)
			a.refused(429, "0x80072322").headerMatches("Content-Type", `^application/json`).headerMatches("Retry-After", `^\d+$`)
		}},
		{"5.1", "too much execution time is 429, with the number and the window", only, func(s *session) {
			s = s.variant(Variant{ExecutionTime: 100 * time.Millisecond, Latency: 60 * time.Millisecond, Window: time.Minute})
			spend(s, 2)
			s.send("GET", "WhoAmI", "").refused(429, "0x80072321",
				"Combined execution time of incoming requests exceeded limit of 100 milliseconds over time window of 60 seconds. "+
					"Decrease number of concurrent requests or reduce the duration of requests and try again later.")
		}},
		{"5.2", "execution time is taken from what is left", only, func(s *session) {
			s = s.variant(Variant{ExecutionTime: 10 * time.Second, Latency: 100 * time.Millisecond, Window: time.Minute})
			spend(s, 2)
			a := s.send("GET", "WhoAmI", "").is(200)
			left, err := strconv.ParseFloat(a.header.Get("x-ms-ratelimit-time-remaining-xrm-requests"), 64)
			if err != nil || left > 9.81 || left < 8 {
				a.errorf("%v s should be a little less than 9.8 s", left)
			}
		}},
		{"5.1", "too many requests at a time are 429, with the number", only, func(s *session) {
			s = s.variant(Variant{Concurrent: 1, Latency: 300 * time.Millisecond})
			answers := atOnce(s, 4)
			throttled := 0
			for _, a := range answers {
				if a.status == http.StatusTooManyRequests {
					throttled++
					a.refused(429, "0x80072326", "Number of concurrent requests exceeded the limit of 1.").headerMatches("Retry-After", `^\d+$`)
				}
			}
			if throttled == 0 || throttled == len(answers) {
				s.Errorf("%d of %d were throttled", throttled, len(answers))
			}
		}},
		{"5.1", "that clears at once when they have ended", only, func(s *session) {
			s = s.variant(Variant{Concurrent: 1, Latency: 50 * time.Millisecond})
			atOnce(s, 4)
			s.send("GET", "WhoAmI", "").is(200)
		}},
		{"5.1", "limits are each user's own", only, func(s *session) {
			s = s.variant(Variant{Requests: 2, Window: time.Minute, Users: []User{{}, {}}})
			spend(s, 2)
			s.send("GET", "WhoAmI", "").is(429)
			s.as(1).send("GET", "WhoAmI", "").is(200)
		}},
		{"5.2", "several servers tell them apart by a cookie", only, func(s *session) {
			s = s.variant(Variant{Servers: 3})
			a := s.send("GET", "WhoAmI", "").is(200)
			if affinity(a) == "" {
				a.errorf("there should be a cookie ARRAffinity, not %q", a.header.Values("Set-Cookie"))
			}
		}},
		{"5.1", "whoever brings the cookie stays on one server, with its limit", only, func(s *session) {
			s = s.variant(Variant{Servers: 3, Requests: 4, Window: time.Minute})
			cookie := "Cookie: ARRAffinity=" + affinity(s.send("GET", "WhoAmI", "").is(200))
			for range 3 {
				s.send("GET", "WhoAmI", "", cookie).is(200)
			}
			s.send("GET", "WhoAmI", "", cookie).is(429)
		}},
		{"5.1", "whoever brings no cookie has the limits of all servers", only, func(s *session) {
			s = s.variant(Variant{Servers: 3, Requests: 4, Window: time.Minute})
			s.authorization()
			served := 0
			for range 12 {
				if s.send("GET", "WhoAmI", "").status == 200 {
					served++
				}
			}
			if served <= 4 {
				s.Errorf("%d of 12 were served", served)
			}
		}},
	}
}

// affinity returns the cookie that pins a client to the server that answered.
func affinity(a *answer) string {
	for _, cookie := range a.header.Values("Set-Cookie") {
		if value, ok := strings.CutPrefix(cookie, "ARRAffinity="); ok {
			value, _, _ = strings.Cut(value, ";")
			return value
		}
	}
	return ""
}

// atOnce sends n requests in parallel.
func atOnce(s *session, n int) []*answer {
	s.authorization()
	answers := make([]*answer, n)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = s.send("GET", "WhoAmI", "") })
	}
	wg.Wait()
	if slices.Contains(answers, nil) {
		s.FailNow() // the goroutine has said why
	}
	return answers
}
