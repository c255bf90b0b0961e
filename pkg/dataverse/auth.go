package dataverse

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// Tokens keeps access tokens for all clients of a process that are given the same one: one token for each environment,
// tenant and application, for those who have the credential. The zero value is empty, and ready to use.
//
// A token is asked for once for many callers, and early, without anyone waiting for it, so that a token endpoint that fails
// for some minutes is not felt. After a failure Entra ID is left alone for a while, which grows: it answers those who keep
// asking with AADSTS50196. A credential that has been changed since is another, and tried at once.
type Tokens struct {
	mu    sync.Mutex
	slots map[identity]*slot
}

// An identity is whom a token is for, and where. The authority follows from the environment, which names it. The credential
// is part of it, by its hash: who has another must not profit from a token that was given for this one.
type identity struct {
	environment, tenant, client, authorities string
	credential                               [sha256.Size]byte
}

// slot finds or makes the slot of an identity, and forgets those that hold nothing any more.
func (t *Tokens) slot(id identity) *slot {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.slots[id]; s != nil {
		return s
	}
	if t.slots == nil {
		t.slots = map[identity]*slot{}
	}
	for id, s := range t.slots {
		if s.idle() {
			delete(t.slots, id)
		}
	}
	s := &slot{since: time.Now()}
	t.slots[id] = s
	return s
}

// A slot holds one token, and how asking for it went.
type slot struct {
	flight singleflight.Group

	mu       sync.Mutex
	endpoint string // learned from the challenge
	token    string
	renew    time.Time // from then on a new one is wanted
	expires  time.Time // from then on this one is of no use

	fault  *penstock.Error // of the last time that it was asked for; nil when it came
	failed int             // times in a row
	retry  time.Time       // until then nobody asks

	dropped int       // tokens that Dataverse did not accept …
	since   time.Time // … from then on
}

// idle reports whether nothing is lost with the slot. One that was made a moment ago is about to be used.
func (s *slot) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	return now.After(s.expires) && now.After(s.retry) && now.Sub(s.since) > time.Hour
}

const (
	// renewEarly is how long before its end a token is renewed.
	renewEarly = 5 * time.Minute
	// shortestLife is the shortest that Entra ID can be configured to give a token: taken for one that does not say, or has ended when it comes.
	shortestLife = 10 * time.Minute
	// Tokens that are not accepted are asked for anew so often, and no more: asking again does not help then.
	mostDropped, droppedWithin = 5, time.Minute
)

// look gives the token if it is of use, and says whether it is time for another.
func (s *slot) look() (token string, stale bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if !now.Before(s.expires) {
		return "", true
	}
	return s.token, !now.Before(s.renew)
}

// refused is the fault of the last time, while it is too early to ask again.
func (s *slot) refused() *penstock.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := time.Until(s.retry)
	if s.fault == nil || wait <= 0 {
		return nil
	}
	again := *s.fault
	again.Err = fmt.Errorf("%w (said before; asked again in %v)", again.Err, wait.Round(time.Second))
	if again.Kind == penstock.Transient {
		again.Wait = wait
	}
	return &again
}

// note remembers how asking went.
func (s *slot) note(endpoint string, got *oauth2.Token, asked time.Time, fault *penstock.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if fault != nil && fault.Kind == penstock.NotExecuted {
		return // who asked has left
	}
	if fault != nil {
		s.fault, s.endpoint = fault, ""
		s.retry = time.Now().Add(max(fault.Wait, patience(fault.Kind, s.failed)))
		s.failed++
		return
	}
	life := got.Expiry.Sub(asked)
	if got.Expiry.IsZero() || life <= 0 {
		life = shortestLife
	}
	s.endpoint, s.token, s.fault, s.failed = endpoint, got.AccessToken, nil, 0
	s.renew, s.expires = asked.Add(life-min(renewEarly, life/2)), asked.Add(life)
}

// patience is how long to leave Entra ID alone after a failure, so many having gone before it.
func patience(kind penstock.Kind, before int) time.Duration {
	first, most := time.Second, 30*time.Second
	if kind == penstock.SystemFault { // it will not mend itself, but when a person has mended it, they do not want to wait for long
		first, most = 15*time.Second, time.Minute
	}
	return min(first<<min(before, 10), most)
}

// drop forgets a token that Dataverse did not accept, unless another has taken its place already, or it accepts none.
func (s *slot) drop(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token != token {
		return
	}
	if now := time.Now(); now.Sub(s.since) > droppedWithin {
		s.dropped, s.since = 0, now
	}
	if s.dropped++; s.dropped <= mostDropped {
		s.token, s.renew, s.expires = "", time.Time{}, time.Time{}
	}
}

// An authentication gets the tokens of one application in one environment.
type authentication struct {
	root        *url.URL
	http        *http.Client
	tenant      string
	clientID    string
	credential  credential
	authorities []string      // trusted beside Microsoft's: scheme://host
	limit       time.Duration // of one HTTP request

	tokens *Tokens
	own    atomic.Pointer[slot] // that our token is from; nil before the first
}

func newAuthentication(cfg Config, root *url.URL, h *http.Client, authorities []string) *authentication {
	a := &authentication{
		root: root, http: h, tenant: cfg.Tenant, clientID: cfg.ClientID, credential: secretCredential(cfg.Secret), authorities: authorities,
		limit: cfg.Request, tokens: cfg.Tokens,
	}
	if cfg.Certificate != nil {
		a.credential = certificateCredential(cfg.Certificate)
	}
	if a.tokens == nil {
		a.tokens = &Tokens{}
	}
	return a
}

// get gives a token that is valid now.
func (a *authentication) get(ctx context.Context) (string, *penstock.Error) {
	token, stale := "", true
	if own := a.own.Load(); own != nil {
		token, stale = own.look()
	}
	if !stale {
		return token, nil
	}
	renewed, fault := a.another(ctx, token != "")
	switch {
	case renewed != "":
		return renewed, nil
	case token != "": // it is of use still
		return token, nil
	}
	return "", fault
}

// another gives the token that belongs to today's credential, which Entra ID is asked for if need be: in the background when
// there is no hurry, and then there may be neither token nor fault.
func (a *authentication) another(ctx context.Context, noHurry bool) (string, *penstock.Error) {
	s, value, fault := a.today()
	if fault != nil {
		return "", fault
	}
	token, stale := s.look()
	if token != "" {
		a.own.Store(s)
	}
	if !stale {
		return token, nil
	}
	if fault := s.refused(); fault != nil {
		return token, fault
	}
	// Who asks first must not fail the others by leaving, so the request is nobody's and ends by its own limit.
	done := s.flight.DoChan("", func() (any, error) {
		if token, stale := s.look(); !stale { // it came while we were on our way here
			return token, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.limit)
		defer cancel()
		if fault := a.fetch(ctx, s, value); fault != nil {
			return "", fault
		}
		token, _ := s.look()
		return token, nil
	})
	if noHurry || token != "" {
		return token, nil
	}
	select {
	case <-ctx.Done():
		return "", unreachable("dataverse: token", ctx.Err(), false)
	case r := <-done:
		if r.Err == nil {
			a.own.Store(s)
			return r.Val.(string), nil
		}
		var fault *penstock.Error
		if !errors.As(r.Err, &fault) {
			fault = &penstock.Error{Op: "dataverse: token", Kind: penstock.Transient, Err: r.Err}
		}
		return "", fault
	}
}

// today gives the credential as it is now, and the slot that belongs to it.
func (a *authentication) today() (*slot, string, *penstock.Error) {
	value, fault := a.credential.value()
	if fault != nil {
		return nil, "", a.about(fault)
	}
	return a.tokens.slot(identity{
		origin(a.root), strings.ToLower(a.tenant), strings.ToLower(a.clientID), strings.Join(a.authorities, " "), sha256.Sum256([]byte(value)),
	}), value, nil
}

// fresh asks Entra ID for a token, whatever is kept of earlier ones and however they were refused. It says when the new one
// ends, which the requests that follow use.
func (a *authentication) fresh(ctx context.Context) (ends time.Time, fault *penstock.Error) {
	ctx, cancel := context.WithTimeout(ctx, a.limit)
	defer cancel()
	s, value, fault := a.today()
	if fault != nil {
		return time.Time{}, fault
	}
	if fault := a.fetch(ctx, s, value); fault != nil {
		return time.Time{}, fault
	}
	a.own.Store(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.expires, nil
}

// drop gives up a token that Dataverse did not accept.
func (a *authentication) drop(token string) {
	if own := a.own.Load(); own != nil {
		own.drop(token)
	}
}

// fetch asks Entra ID for the token of a slot.
func (a *authentication) fetch(ctx context.Context, s *slot, value string) (fault *penstock.Error) {
	s.mu.Lock()
	endpoint := s.endpoint
	s.mu.Unlock()
	asked := time.Now()
	if endpoint == "" {
		endpoint, fault = a.discover(ctx)
	}
	var got *oauth2.Token
	if fault == nil {
		got, fault = a.ask(ctx, endpoint, value, origin(a.root))
	}
	s.note(endpoint, got, asked, fault)
	return fault
}

// ask is one request for a token that gives access to a resource.
func (a *authentication) ask(ctx context.Context, endpoint, value, resource string) (*oauth2.Token, *penstock.Error) {
	p, fault := a.credential.prove(value, a.clientID, endpoint)
	if fault != nil {
		return nil, a.about(fault)
	}
	config := clientcredentials.Config{
		ClientID: a.clientID, TokenURL: endpoint, Scopes: []string{resource + "/.default"},
		EndpointParams: p.form, AuthStyle: oauth2.AuthStyleInParams,
	}
	got, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, a.http))
	if err != nil {
		return nil, a.about(tokenFault(err, p))
	}
	return got, nil
}

// about says what a fault happened at.
func (a *authentication) about(f *penstock.Error) *penstock.Error {
	f.Op = "dataverse: token of application " + a.clientID
	return f
}
