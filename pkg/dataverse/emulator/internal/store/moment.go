package store

import "time"

// This file reads the texts of dates and times.

// ParseDate reads 2026-01-31. By hand, because most rows have one.
func ParseDate(b []byte) (time.Time, bool) {
	if len(b) != 10 || b[4] != '-' || b[7] != '-' {
		return time.Time{}, false
	}
	year, ok1 := digits(b[:4])
	month, ok2 := digits(b[5:7])
	day, ok3 := digits(b[8:])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 {
		return time.Time{}, false
	}
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return at, at.Day() == day // the 30th of February comes out as another day
}

// digits reads an unsigned number of nothing but digits.
func digits(b []byte) (n int, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// ParseMoment reads a date and time with a zone, and returns it in UTC with whole seconds; b itself when it is so already.
func ParseMoment(b []byte) ([]byte, bool) {
	if len(b) < 20 {
		return nil, false
	}
	at, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return nil, false
	}
	if len(b) == 20 && b[19] == 'Z' {
		return b, true
	}
	return at.UTC().AppendFormat(nil, "2006-01-02T15:04:05Z"), true
}
