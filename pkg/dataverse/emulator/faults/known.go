package faults

import (
	"net/http"
	"slices"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

// A Kind is a fault that can be ordered by name.
type Kind struct {
	Name  string `json:"name"`
	At    Point  `json:"at"` // where it strikes unless the order says otherwise
	About string `json:"about"`
	fault emulator.Fault
}

// Known returns the faults that can be ordered.
func Known() []Kind { return slices.Clone(known) }

// Codes and texts are those of sections 5.1, 5.5 and 8.3. Where the reference has the status UNCONFIRMED, an order may name another.
//
//nolint:gochecknoglobals // constant table
var known = []Kind{
	{"deadlock", Operation, "SQL deadlock: 0x80044150, Sql Number 1205", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusInternalServerError, Code: "0x80044150",
		Message: "Generic SQL error. CRM ErrorCode: -2147204784 Sql ErrorCode: -2146232060 Sql Number: 1205",
	}},
	{"sql-timeout", Operation, "SQL time-out: 0x80044151, Sql Number -2", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusInternalServerError, Code: "0x80044151",
		Message: "SQL timeout expired. CRM ErrorCode: -2147204783 Sql ErrorCode: -2146232060 Sql Number: -2",
	}},
	{"plug-in", Operation, "a plug-in refuses: 0x80040265 with the order's message", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusBadRequest, Code: "0x80040265", Message: "The record was refused by a business rule.",
	}},
	{"plug-in-timeout", Operation, "a plug-in runs for longer than 2 minutes: 0x80044172", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusBadRequest, Code: "0x80044172", Message: "The plug-in execution failed because the operation has timed-out at the Sandbox Host.",
	}},
	{"unexpected", Operation, "500 0x80040216", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusInternalServerError, Code: "0x80040216", Message: "An unexpected error occurred.",
	}},
	{"error", Operation, "the order's status, code and message", emulator.Fault{Kind: emulator.Refuse}},
	{"too-many-requests", Request, "429 0x80072322", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusTooManyRequests, Code: "0x80072322", RetryAfter: 30 * time.Second,
		Message: "Number of requests exceeded the limit of 6000 over time window of 300 seconds.",
	}},
	{"too-much-time", Request, "429 0x80072321", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusTooManyRequests, Code: "0x80072321", RetryAfter: 30 * time.Second,
		Message: "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window of 300 seconds. " +
			"Decrease number of concurrent requests or reduce the duration of requests and try again later.",
	}},
	{"too-many-concurrent", Request, "429 0x80072326", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusTooManyRequests, Code: "0x80072326", RetryAfter: time.Second,
		Message: "Number of concurrent requests exceeded the limit of 52.",
	}},
	{"sql-resources", Request, "the database is overloaded: 0x80072323 (status UNCONFIRMED)", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusTooManyRequests, Code: "0x80072323", RetryAfter: 30 * time.Second,
		Message: "Resource limit of the Azure SQL database exceeded.",
	}},
	{"sql-workers", Request, "too many database workers: 0x80072324 (status UNCONFIRMED)", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusTooManyRequests, Code: "0x80072324", RetryAfter: 30 * time.Second,
		Message: "Max concurrent workers limit of the Azure SQL database exceeded.",
	}},
	{"storage-full", Operation, "the environment's storage is full: 0x80072325 (status UNCONFIRMED)", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusInternalServerError, Code: "0x80072325", Message: "Storage quota of the Azure SQL database exceeded.",
	}},
	{"bad-gateway", Request, "502 with an HTML page", emulator.Fault{Kind: emulator.BadGateway}},
	{"unavailable", Request, "503 with Retry-After", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusServiceUnavailable, Message: "The service is unavailable.", RetryAfter: 10 * time.Second,
	}},
	{"hang", Request, "no answer until the client gives up", emulator.Fault{Kind: emulator.Hang}},
	{"delay", Request, "the order's delay, then as usual", emulator.Fault{}},
	{"cut-before", Request, "the connection is cut before anything is executed", emulator.Fault{Kind: emulator.Cut}},
	{"cut-after", Request, "the connection is cut after the commit: the outcome stays unknown", emulator.Fault{Kind: emulator.CutAfterCommit}},
	{"truncate", Request, "executed, but the answer ends in the middle", emulator.Fault{Kind: emulator.Truncate}},
	{"token-unavailable", Token, "the token endpoint answers 503 temporarily_unavailable", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusServiceUnavailable, Code: "AADSTS90033",
		Message: "A transient error has occurred. Please try again.",
	}},
	{"token-throttled", Token, "the token endpoint answers 429 with Retry-After", emulator.Fault{
		Kind: emulator.Refuse, Status: http.StatusTooManyRequests, Code: "AADSTS90055", RetryAfter: 10 * time.Second,
		Message: "The request was throttled due to too many requests. Please try again later.",
	}},
	{"token-cut", Token, "the token endpoint cuts the connection", emulator.Fault{Kind: emulator.Cut}},
	{"token-hang", Token, "the token endpoint says nothing", emulator.Fault{Kind: emulator.Hang}},
}
