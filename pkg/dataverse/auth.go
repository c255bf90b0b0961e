package dataverse

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"golang.org/x/sync/singleflight"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// tokens holds the access token of one application in one environment, and asks Entra ID for it: once for many callers,
// and early, so that a token endpoint that fails for some minutes is not felt.
type tokens struct {
	root     *url.URL
	http     *http.Client
	tenant   string
	clientID string
	secret   func() (string, error)
	limit    time.Duration // of one HTTP request

	flight singleflight.Group

	mu       sync.Mutex
	endpoint string // learned from the challenge
	token    string
	renew    time.Time // from then on a new one is wanted
	expires  time.Time // from then on this one is of no use
}

// renewEarly is how long before its end a token is renewed.
const renewEarly = 5 * time.Minute

func newTokens(cfg Config, root *url.URL, h *http.Client) *tokens {
	return &tokens{root: root, http: h, tenant: cfg.Tenant, clientID: cfg.ClientID, secret: cfg.Secret, limit: cfg.Request}
}

// get gives a token that is valid now.
func (t *tokens) get(ctx context.Context) (string, *penstock.Error) {
	t.mu.Lock()
	token, fresh := t.token, time.Now().Before(t.renew)
	t.mu.Unlock()
	if fresh {
		return token, nil
	}
	// Who asks first must not fail the others by leaving, so the request is nobody's and ends by its own limit.
	done := t.flight.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.limit)
		defer cancel()
		token, fault := t.fetch(ctx)
		if fault != nil {
			return "", fault
		}
		return token, nil
	})
	select {
	case <-ctx.Done():
		return "", unreachable("dataverse: token", ctx.Err(), false)
	case r := <-done:
		if r.Err == nil {
			return r.Val.(string), nil
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		if time.Now().Before(t.expires) {
			return t.token, nil
		}
		var fault *penstock.Error
		if !errors.As(r.Err, &fault) {
			fault = &penstock.Error{Op: "dataverse: token", Kind: penstock.Transient, Err: r.Err}
		}
		return "", fault
	}
}

// drop forgets a token that Dataverse did not accept, unless another has taken its place already.
func (t *tokens) drop(token string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.token == token {
		t.token, t.renew, t.expires = "", time.Time{}, time.Time{}
	}
}

func (t *tokens) fetch(ctx context.Context) (string, *penstock.Error) {
	t.mu.Lock()
	endpoint := t.endpoint
	t.mu.Unlock()
	if endpoint == "" {
		var fault *penstock.Error
		if endpoint, fault = t.discover(ctx); fault != nil {
			return "", fault
		}
	}
	op := "dataverse: token of application " + t.clientID
	secret, err := t.secret()
	if err == nil && secret == "" {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", &penstock.Error{
			Op: op, Kind: penstock.SystemFault, Err: fmt.Errorf("read the client secret: %w", err),
			Hint: "is the secret configured where the environment's file says?",
		}
	}
	config := clientcredentials.Config{
		ClientID:     t.clientID,
		ClientSecret: secret,
		TokenURL:     endpoint,
		Scopes:       []string{t.root.Scheme + "://" + t.root.Host + "/.default"},
		AuthStyle:    oauth2.AuthStyleInParams,
	}
	asked := time.Now()
	got, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, t.http))
	if err != nil {
		return "", tokenFault(op, err, secret)
	}
	life := got.Expiry.Sub(asked)
	if got.Expiry.IsZero() {
		life = 10 * time.Minute // the shortest that Entra ID can be configured to give
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endpoint, t.token = endpoint, got.AccessToken
	t.renew, t.expires = asked.Add(life-min(renewEarly, life/2)), asked.Add(life)
	return t.token, nil
}

// authorities are the hosts that may be sent a secret.
func authorities() []string {
	return []string{
		"login.microsoftonline.com", "login.microsoftonline.us", "login.microsoftonline.de",
		"login.partner.microsoftonline.cn", "login.chinacloudapi.cn",
	}
}

// discover finds the token endpoint: Dataverse names the authority and the tenant to whoever comes without a token.
func (t *tokens) discover(ctx context.Context) (string, *penstock.Error) {
	op := "dataverse: ask " + t.root.Host + " for its authority"
	reject := func(hint, format string, args ...any) (string, *penstock.Error) {
		return "", &penstock.Error{Op: op, Kind: penstock.SystemFault, Err: fmt.Errorf(format, args...), Hint: hint}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.root.String()+"WhoAmI", nil)
	if err != nil {
		return reject("", "%w", err)
	}
	resp, err := t.http.Do(req)
	if err != nil {
		return "", unreachable(op, err, false)
	}
	defer closeBody(resp)
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500:
		return "", &penstock.Error{
			Op: op, Kind: penstock.Transient, Wait: readLimits(resp.Header).RetryAfter,
			Err: fmt.Errorf("HTTP %d", resp.StatusCode),
		}
	default:
		return reject("is the environment's URL right?", "HTTP %d, where an environment answers 401", resp.StatusCode)
	}
	authority, tenant := challenge(resp.Header)
	switch {
	case authority == nil:
		return reject("is the environment's URL right?", "the answer 401 names no authorization_uri")
	case loopback(authority.Hostname()) && loopback(t.root.Hostname()) && authority.User == nil &&
		(authority.Scheme == "http" || authority.Scheme == "https"):
	case authority.Scheme != "https" || !slices.Contains(authorities(), strings.ToLower(authority.Host)):
		return reject("no secret was sent there; is the environment's URL right?",
			"%s://%s is not an authority of Microsoft", authority.Scheme, authority.Host)
	}
	if t.tenant != "" {
		if plainGUID.MatchString(t.tenant) && plainGUID.MatchString(tenant) && !strings.EqualFold(t.tenant, tenant) {
			return reject("use the tenant of the environment", "the environment belongs to tenant %s, not to %s", tenant, t.tenant)
		}
		tenant = t.tenant
	}
	if tenant == "" {
		return reject("configure the environment's tenant", "the answer 401 names no tenant")
	}
	return authority.Scheme + "://" + authority.Host + "/" + url.PathEscape(tenant) + "/oauth2/v2.0/token", nil
}

var plainGUID = regexp.MustCompile(`(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// challenge reads authority and tenant out of "Bearer authorization_uri=https://host/tenant/oauth2/authorize,
// resource_id=…": values quoted or not, in any order.
func challenge(h http.Header) (authority *url.URL, tenant string) {
	for _, value := range h.Values("WWW-Authenticate") {
		scheme, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		for parameter := range strings.SplitSeq(rest, ",") {
			name, v, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			if !strings.EqualFold(strings.TrimSpace(name), "authorization_uri") {
				continue
			}
			u, err := url.Parse(strings.Trim(strings.TrimSpace(v), `"`))
			if err != nil || u.Host == "" {
				continue
			}
			tenant, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
			return u, tenant
		}
	}
	return nil, ""
}

// tokenHint says what to do about an error of Entra ID, by its AADSTS number; "" where the number is not known.
func tokenHint(code string) string {
	switch code {
	case "AADSTS7000215":
		return "the client secret is wrong: configure the secret's value as shown once when it was made"
	case "AADSTS7000222":
		return "the client secret has expired: make a new one in the app registration and configure its value"
	case "AADSTS7000216", "AADSTS7000218":
		return hintDefect
	case "AADSTS7000214", "AADSTS700027":
		return "the certificate is not registered with the app registration"
	case "AADSTS700016":
		return "the tenant knows no such application: check client id and tenant of the environment"
	case "AADSTS90002":
		return "there is no such tenant: check the environment's tenant, and that it is in this cloud"
	case "AADSTS900023":
		return "the tenant must be a directory GUID or a verified domain"
	case "AADSTS500011":
		return "the tenant does not know this environment: check URL and tenant"
	case "AADSTS70011", "AADSTS1002012":
		return "Entra ID does not take the scope: check the environment's URL"
	case "AADSTS70001":
		return "the application is not enabled in the tenant"
	case "AADSTS7000112":
		return "the application is disabled in the tenant: enable it under Enterprise applications"
	case "AADSTS53003":
		return "conditional access blocks the application: ask the tenant's administrator to allow this network or application"
	}
	return ""
}

var aadsts = regexp.MustCompile(`AADSTS\d+`)

// tokenFault explains why no token came. The secret is in none of its parts: the error of the library is not kept,
// because it holds the whole answer.
func tokenFault(op string, err error, secret string) *penstock.Error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		f := unreachable(op, err, false)
		f.Err = errors.New(conceal(f.Err.Error(), secret))
		return f
	}
	text := answer.ErrorDescription
	if text == "" {
		text = answer.ErrorCode
	}
	f := &penstock.Error{Op: op, Kind: penstock.SystemFault, Code: aadsts.FindString(text)}
	if f.Code == "" {
		var numbers struct {
			Codes []int `json:"error_codes"`
		}
		if json.Unmarshal(answer.Body, &numbers) == nil && len(numbers.Codes) > 0 {
			f.Code = fmt.Sprintf("AADSTS%d", numbers.Codes[0])
		}
	}
	status := answer.Response.StatusCode
	text, _, _ = strings.Cut(text, "Trace ID:")
	if text = clean(conceal(text, secret)); text == "" {
		text = fmt.Sprintf("HTTP %d without an explanation", status)
	}
	f.Err, f.Hint = errors.New(text), tokenHint(f.Code)
	switch {
	case f.Code == "AADSTS7000215" && plainGUID.MatchString(secret):
		f.Hint = "the client secret looks like the secret's ID: configure its value, which is shown once when it is made"
	case f.Hint != "":
	case f.Code == "AADSTS50196":
		f.Kind, f.Wait = penstock.Transient, 5*time.Minute // asked too often
	case answer.ErrorCode == "temporarily_unavailable", status == http.StatusTooManyRequests, status >= 500,
		f.Code == "AADSTS50033", f.Code == "AADSTS90033":
		f.Kind, f.Wait = penstock.Transient, readLimits(answer.Response.Header).RetryAfter
	case strings.HasPrefix(f.Code, "AADSTS530"):
		f.Hint = tokenHint("AADSTS53003")
	default:
		f.Hint = "check tenant, client id and secret of the environment"
	}
	return f
}

// conceal takes a secret out of a text, as it is and as forms spell it.
func conceal(text, secret string) string {
	return strings.NewReplacer(secret, "[secret]", url.QueryEscape(secret), "[secret]").Replace(text)
}
