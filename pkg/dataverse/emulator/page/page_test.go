package page_test

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/faults"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/page"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const hostile = `<script>alert("x")</script>`

// view is the page of an emulator with 120 seeded contacts and an order.
func view(t *testing.T) (*emulator.Server, func(path string) (int, string)) {
	t.Helper()
	s := emulator.New(emulator.Config{OrganizationName: "Contoso & Co", Servers: 2})
	s.Seed(120)
	orders := faults.New(s)
	if _, err := orders.Place(faults.Order{Fault: "deadlock", At: faults.Operation, Match: faults.Match{Key: hostile}, Share: 0.5}); err != nil {
		t.Fatal(err)
	}
	p := page.New(s, orders)
	return s, func(path string) (int, string) {
		t.Helper()
		w := httptest.NewRecorder()
		p.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: policy %q", path, policy)
		}
		return w.Code, w.Body.String()
	}
}

// wellFormed checks that what is opened is closed; the page is written so that it could be read as XML, but for its void elements.
func wellFormed(t *testing.T, path, html string) {
	t.Helper()
	html = regexp.MustCompile(`(?s)<head>.*</head>`).ReplaceAllString(html, "")
	html = regexp.MustCompile(` (data-live|data-keep)([ >])`).ReplaceAllString(html, ` $1=""$2`)
	html = regexp.MustCompile(`<(img|input)([^>]*)>`).ReplaceAllString(html, "<$1$2/>")
	d := xml.NewDecoder(strings.NewReader(strings.TrimPrefix(html, "<!doctype html>")))
	d.Entity = xml.HTMLEntity
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
	}
}

func TestTheOverviewShowsTablesUsersFaultsAndRequests(t *testing.T) {
	s, get := view(t)
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/data/v9.2/contacts?$filter=secret", nil))
	status, html := get("/")
	wellFormed(t, "/", html)
	for _, want := range []string{
		"Contoso &amp; Co", `<a href="/tables/contact">Contact</a>`, `<td class="n">120</td>`, emulator.SandboxClient, "1200.0 s", "6\u202f000", "deadlock", "&lt;script&gt;",
		"0.5 of them", `data-cancel="1"`, `<option value="bad-gateway"`, "/api/data/v9.2/contacts</code>", `<span class="bad">401</span>`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("%q is not there", want)
		}
	}
	if status != http.StatusOK || strings.Contains(html, hostile) || strings.Contains(html, "secret") || strings.Contains(html, "$filter") {
		t.Errorf("%d, or something is shown that must not be", status)
	}
}

func TestRowsArePagedAndSearched(t *testing.T) {
	_, get := view(t)
	_, first := get("/tables/contact")
	wellFormed(t, "contacts", first)
	if n := strings.Count(first, `href="/tables/contact/rows/`); n != 50 {
		t.Errorf("%d rows on the first page", n)
	}
	next := regexp.MustCompile(`href="(\?[^"]*after=[^"]*)">Next page`).FindStringSubmatch(first)
	if next == nil {
		t.Fatal("no next page")
	}
	_, second := get("/tables/contact" + strings.ReplaceAll(next[1], "&amp;", "&"))
	if n := strings.Count(second, `href="/tables/contact/rows/`); n != 50 || !strings.Contains(second, "First page") {
		t.Errorf("%d rows on the second page", n)
	}
	_, found := get("/tables/contact?q=C-00000117")
	if n := strings.Count(found, `href="/tables/contact/rows/`); n != 1 || strings.Contains(found, "Next page") {
		t.Errorf("%d rows found", n)
	}
	if _, none := get("/tables/contact?q=" + "%3Cscript%3E"); !strings.Contains(none, "No row has this in it.") || strings.Contains(none, "<script>") {
		t.Error("nothing is found, and it is said")
	}
}

func TestOneRowAndItsSchema(t *testing.T) {
	s, get := view(t)
	row := s.Rows("contact")[7]
	status, html := get("/tables/contact/rows/" + row.Text("contactid"))
	wellFormed(t, "row", html)
	if status != http.StatusOK || !strings.Contains(html, row.Text("lastname")) || !strings.Contains(html, "0 · Active") || !strings.Contains(html, `href="/tables/systemuser/rows/`) {
		t.Errorf("%d %s", status, html)
	}
	status, html = get("/tables/contact/schema")
	wellFormed(t, "schema", html)
	for _, want := range []string{"Alternate keys", "externaluseridentifier", "to account by parentcustomerid_account", "up to 50 characters", "<td>date</td>"} {
		if status != http.StatusOK || !strings.Contains(html, want) {
			t.Errorf("%d, %q is not there", status, want)
		}
	}
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	_, get := view(t)
	for _, path := range []string{"/tables/nothing", "/tables/contact/rows/x", "/tables/contact/rows/" + uuid.NewString(), "/tables/nothing/schema"} {
		if status, html := get(path); status != http.StatusNotFound || !strings.Contains(html, "There is no") {
			t.Errorf("%s: %d %s", path, status, html)
		}
	}
	if status, _ := get("/assets/nothing.js"); status != http.StatusNotFound {
		t.Errorf("status %d", status)
	}
	for _, file := range []string{"page.css", "page.js", "icon.svg"} {
		if status, body := get("/assets/" + file); status != http.StatusOK || len(body) < 100 {
			t.Errorf("%s: %d", file, status)
		}
	}
}
