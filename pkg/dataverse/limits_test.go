package dataverse

import (
	"net/http"
	"testing"
	"time"
)

func TestReadLimits(t *testing.T) {
	unknown := Limits{RequestsLeft: -1, SecondsLeft: -1}
	with := func(change func(*Limits)) Limits { l := unknown; change(&l); return l }
	tests := []struct {
		name   string
		header map[string]string
		want   Limits
	}{
		{"nothing said", nil, unknown},
		{
			"5.2: everything said, with a thousands separator",
			map[string]string{
				"x-ms-ratelimit-burst-remaining-xrm-requests": "7999", "x-ms-ratelimit-time-remaining-xrm-requests": "1,200.00",
				"x-ms-dop-hint": "4", "Retry-After": "27",
			},
			Limits{RetryAfter: 27 * time.Second, DOPHint: 4, RequestsLeft: 7999, SecondsLeft: 1200},
		},
		{
			"a date is measured by the answer's own clock",
			map[string]string{"Date": "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2015 07:29:30 GMT"},
			with(func(l *Limits) { l.RetryAfter = 90 * time.Second }),
		},
		{
			"a date that is past asks for nothing",
			map[string]string{"Date": "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After": "Wed, 21 Oct 2015 07:27:00 GMT"},
			unknown,
		},
		{"a wait has a bound", map[string]string{"Retry-After": "1999999999"}, with(func(l *Limits) { l.RetryAfter = time.Hour })},
		{
			"so has one until a date",
			map[string]string{"Date": "Wed, 21 Oct 2015 07:28:00 GMT", "Retry-After": "Thu, 22 Oct 2015 07:28:00 GMT"},
			with(func(l *Limits) { l.RetryAfter = time.Hour }),
		},
		{
			"nonsense is absent",
			map[string]string{"Retry-After": "soon", "x-ms-dop-hint": "NaN", "x-ms-ratelimit-burst-remaining-xrm-requests": "-3", "x-ms-ratelimit-time-remaining-xrm-requests": "Inf"},
			unknown,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			for k, v := range tt.header {
				h.Set(k, v)
			}
			if got := readLimits(h); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
