package admin

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

// This file is what can be looked at.

func (h *Handler) about(w http.ResponseWriter, r *http.Request) error {
	origin := "http://" + r.Host
	if r.TLS != nil {
		origin = "https://" + r.Host
	}
	c := h.server.Config()
	type user struct {
		Tenant   string `json:"tenant"`
		ClientID string `json:"client_id"`
	}
	users := []user{}
	for _, a := range c.Apps {
		tenant := a.Tenant
		if tenant == "" {
			tenant = c.Tenant
		}
		users = append(users, user{tenant, a.ClientID})
	}
	return write(w, http.StatusOK, map[string]any{
		"web_api": origin + "/api/data/v9.2/", "token": origin + "/" + c.Tenant + "/oauth2/v2.0/token", "page": origin + "/",
		"tenant": c.Tenant, "organization_id": c.OrganizationID, "organization": c.OrganizationName, "users": users,
	})
}

// journal streams entries, each flushed as it comes when they are followed.
func (h *Handler) journal(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	seq, err := strconv.ParseUint("0"+q.Get("after"), 10, 64)
	if err != nil {
		return refuse(http.StatusBadRequest, errors.New("after must be the number of a journal entry"))
	}
	table, key := q.Get("table"), q.Get("key")
	follow := q.Get("follow") != "" && q.Get("follow") != "0"
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Emulator-Dropped", strconv.FormatUint(h.server.Dropped(), 10))
	control, out := http.NewResponseController(w), json.NewEncoder(w)
	var entries iter.Seq[emulator.Entry]
	if follow {
		ctx, stop := context.WithCancel(r.Context())
		defer stop()
		go func() {
			select {
			case <-h.done:
				stop()
			case <-ctx.Done():
			}
		}()
		if err := control.Flush(); err != nil { // so that the client knows that it is connected
			return err
		}
		entries = h.server.Follow(ctx, seq)
	} else {
		entries = h.server.Entries(seq)
	}
	for e := range entries {
		if table != "" && e.Table != table || key != "" && e.Key != key {
			continue
		}
		if out.Encode(e) != nil || follow && control.Flush() != nil {
			return nil // the client is gone
		}
	}
	return nil
}

func (h *Handler) requests(w http.ResponseWriter, _ *http.Request) error {
	type exchange struct {
		Time       time.Time `json:"time"`
		Method     string    `json:"method"`
		Path       string    `json:"path"`
		Status     int       `json:"status"` // 0: cut
		Operations int       `json:"operations"`
		Seconds    float64   `json:"seconds"`
		User       string    `json:"user"`
		Server     int       `json:"server"`
	}
	list := []exchange{}
	for _, x := range h.server.Recent() {
		list = append(list, exchange{x.Time, x.Method, x.Path, x.Status, x.Operations, x.Duration.Seconds(), x.User, x.Server})
	}
	return write(w, http.StatusOK, list)
}

func (h *Handler) budgets(w http.ResponseWriter, _ *http.Request) error {
	type budget struct {
		User             string  `json:"user"`
		Server           int     `json:"server"`
		Requests         int     `json:"requests_left"`
		ExecutionSeconds float64 `json:"execution_seconds_left"`
		InFlight         int     `json:"in_flight"`
		Refused          int     `json:"refused"`
		BlockedSeconds   float64 `json:"blocked_seconds"`
		BlockedBy        string  `json:"blocked_by,omitempty"`
	}
	list := []budget{}
	for _, b := range h.server.Budgets() {
		by := ""
		if b.Blocked > 0 {
			by = b.Cause.String()
		}
		list = append(list, budget{b.User, b.Server, b.Requests, b.Execution.Seconds(), b.InFlight, b.Refused, b.Blocked.Seconds(), by})
	}
	return write(w, http.StatusOK, list)
}
