package dataverse

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Limits is what one answer says of the service protection limits of the application user, as the web server that gave
// it counts them (reference "Limits and throttling").
type Limits struct {
	RetryAfter   time.Duration // how long to send nothing; 0 when not asked to wait
	DOPHint      int           // recommended parallelism; 0 when absent. To be shared by all who write as this user
	RequestsLeft int           // of the sliding window; -1 when absent. For display: do not steer by it
	SecondsLeft  float64       // of execution time; -1 when absent. Likewise
}

// longestWait bounds what Retry-After may ask for: a window is 5 minutes, and the wait grows when it is ignored.
const longestWait = time.Hour

func readLimits(h http.Header) Limits {
	l := Limits{RetryAfter: retryAfter(h.Get("Retry-After"), h.Get("Date")), RequestsLeft: -1, SecondsLeft: -1}
	if n, ok := number(h.Get("x-ms-dop-hint")); ok {
		l.DOPHint = int(n)
	}
	if n, ok := number(h.Get("x-ms-ratelimit-burst-remaining-xrm-requests")); ok {
		l.RequestsLeft = int(n)
	}
	if n, ok := number(h.Get("x-ms-ratelimit-time-remaining-xrm-requests")); ok {
		l.SecondsLeft = n
	}
	return l
}

// retryAfter reads seconds or an HTTP date; the date is measured against the answer's own clock where it has one.
func retryAfter(value, date string) time.Duration {
	if value == "" {
		return 0
	}
	if n, ok := number(value); ok {
		return time.Duration(min(n, longestWait.Seconds()) * float64(time.Second))
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(date)
	if err != nil {
		now = time.Now()
	}
	return min(max(until.Sub(now), 0), longestWait)
}

// number reads 1,200.00 as it comes from Dataverse: with thousands separators and decimals.
func number(s string) (float64, bool) {
	n, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(s), ",", ""), 64)
	return n, err == nil && n >= 0 && n < 1<<31 // neither NaN nor infinite
}
