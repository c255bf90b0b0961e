// Package page shows an emulator to a person: tables and rows, budgets, the last requests, and the faults that are ordered. It is plain HTML
// from the server, one style sheet and one small script, all embedded.
package page

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/faults"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/schema"
)

//go:embed assets
var assets embed.FS

//go:embed *.html
var templates embed.FS

// A Page is the handler of what Patterns lists. Make it with New.
type Page struct {
	server *emulator.Server
	faults *faults.Orders
	mux    *http.ServeMux
	pages  map[string]*template.Template
}

// Patterns are the http.ServeMux patterns of the page's addresses.
func Patterns() []string {
	return []string{"GET /{$}", "GET /tables/{table}", "GET /tables/{table}/schema", "GET /tables/{table}/rows/{row}", "GET /assets/{file}"}
}

// New returns the page of a server. Its buttons use the API of package admin on the same origin.
func New(s *emulator.Server, orders *faults.Orders) *Page {
	p := &Page{server: s, faults: orders, mux: http.NewServeMux(), pages: map[string]*template.Template{}}
	for _, name := range []string{"overview", "table", "schema", "row", "missing"} {
		p.pages[name] = template.Must(template.New("frame.html").Funcs(template.FuncMap{
			"count": count, "clock": clock, "short": short, "seconds": seconds,
		}).ParseFS(templates, "frame.html", name+".html"))
	}
	for i, f := range []http.HandlerFunc{p.overview, p.table, p.schema, p.row, asset} {
		p.mux.HandleFunc(Patterns()[i], f)
	}
	return p
}

// ServeHTTP answers at the addresses of Patterns.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	p.mux.ServeHTTP(w, r)
}

func asset(w http.ResponseWriter, r *http.Request) {
	http.ServeFileFS(w, r, assets, "assets/"+r.PathValue("file"))
}

// frame is what every page has.
type frame struct {
	Title        string
	Organization string
	Live         bool // refreshes itself
	Page         any
}

func (p *Page) show(w http.ResponseWriter, status int, name, title string, live bool, page any) {
	var out bytes.Buffer
	if err := p.pages[name].Execute(&out, frame{title, p.server.Config().OrganizationName, live, page}); err != nil {
		http.Error(w, "the page cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // an error means that the browser is gone
}

type tableLine struct {
	Name, Label, Set string
	Rows             int
}

func (p *Page) overview(w http.ResponseWriter, r *http.Request) {
	c := p.server.Config()
	origin := "http://" + r.Host
	if r.TLS != nil {
		origin = "https://" + r.Host
	}
	view := struct {
		API, Token   string
		Organization uuid.UUID
		Tables       []tableLine
		Empty        int
		Budgets      []emulator.Budget
		Limits       emulator.Limits
		Requests     []emulator.Exchange
		Orders       []faults.Order
		Known        []faults.Kind
		Written      uint64
	}{
		API: origin + "/api/data/v9.2/", Token: origin + "/" + c.Tenant + "/oauth2/v2.0/token", Organization: c.OrganizationID,
		Budgets: p.server.Budgets(), Limits: c.Limits, Requests: p.server.Recent(), Orders: p.faults.List(), Known: faults.Known(), Written: p.server.Written(),
	}
	for _, t := range p.server.Tables() {
		view.Tables = append(view.Tables, tableLine{t.Name, t.Label, t.Set, p.server.Count(t.Name)})
	}
	slices.SortStableFunc(view.Tables, func(a, b tableLine) int { return b.Rows - a.Rows })
	p.show(w, http.StatusOK, "overview", "Overview", true, view)
}

const rowsOnPage = 50

func (p *Page) table(w http.ResponseWriter, r *http.Request) {
	t, ok := p.server.Table(r.PathValue("table"))
	if !ok {
		p.missing(w, "table", r.PathValue("table"))
		return
	}
	q := r.URL.Query()
	after, _ := strconv.ParseUint(q.Get("after"), 10, 64) // what is no number is the first page
	text := strings.TrimSpace(q.Get("q"))
	rows, next := p.server.Page(t.Name, text, after, rowsOnPage)
	columns := worthSeeing(&t, rows)
	lines := make([][]string, len(rows))
	for i, row := range rows {
		lines[i] = make([]string, len(columns))
		for j, name := range columns {
			lines[i][j] = row.Text(name)
		}
	}
	following := ""
	if next > 0 {
		following = "?" + url.Values{"q": {text}, "after": {strconv.FormatUint(next, 10)}}.Encode()
	}
	p.show(w, http.StatusOK, "table", t.Label, false, map[string]any{
		"Table": t, "Count": p.server.Count(t.Name), "Text": text, "Columns": columns, "Lines": lines, "Next": following, "First": after == 0,
	})
}

// worthSeeing chooses the columns of a list: id, name, keys, then what has values, eight in all.
func worthSeeing(t *schema.Table, rows []emulator.Row) []string {
	chosen := []string{t.PrimaryID}
	add := func(name string) {
		if !slices.Contains(chosen, name) && len(chosen) < 8 {
			chosen = append(chosen, name)
		}
	}
	if t.PrimaryName != "" {
		add(t.PrimaryName)
	}
	for _, k := range t.Keys {
		for _, name := range k.Columns {
			add(readName(t, name))
		}
	}
	for i := range t.Columns {
		name := readName(t, t.Columns[i].Name)
		if slices.ContainsFunc(rows, func(r emulator.Row) bool { return r.Text(name) != "" }) {
			add(name)
		}
	}
	return chosen
}

// readName is how rows name a column.
func readName(t *schema.Table, name string) string {
	if c, ok := t.Column(name); ok && c.IsLookup() {
		return "_" + name + "_value"
	}
	return name
}

func (p *Page) row(w http.ResponseWriter, r *http.Request) {
	t, ok := p.server.Table(r.PathValue("table"))
	if !ok {
		p.missing(w, "table", r.PathValue("table"))
		return
	}
	id, err := uuid.Parse(r.PathValue("row"))
	row, ok := p.server.Row(t.Name, id)
	if err != nil || !ok {
		p.missing(w, "row", r.PathValue("row"))
		return
	}
	type value struct{ Name, Label, Value, Link string }
	var values []value
	for i := range t.Columns {
		c := &t.Columns[i]
		name := readName(&t, c.Name)
		v := value{Name: name, Label: c.Label, Value: row.Text(name)}
		if v.Value == "" {
			continue
		}
		if c.IsLookup() {
			if id, err := uuid.Parse(v.Value); err == nil {
				for _, to := range c.Targets {
					if _, there := p.server.Row(to.Table, id); there {
						v.Link = "/tables/" + to.Table + "/rows/" + id.String()
					}
				}
			}
		}
		for _, o := range c.Options {
			if strconv.Itoa(o.Value) == v.Value {
				v.Value += " · " + o.Label
			}
		}
		values = append(values, v)
	}
	p.show(w, http.StatusOK, "row", t.Label+" "+row.Text(t.PrimaryName), false, map[string]any{"Table": t, "ID": id, "Name": row.Text(t.PrimaryName), "Values": values})
}

func (p *Page) schema(w http.ResponseWriter, r *http.Request) {
	t, ok := p.server.Table(r.PathValue("table"))
	if !ok {
		p.missing(w, "table", r.PathValue("table"))
		return
	}
	p.show(w, http.StatusOK, "schema", t.Label+": schema", false, map[string]any{"Table": t, "Columns": columns(&t)})
}

func (p *Page) missing(w http.ResponseWriter, what, name string) {
	p.show(w, http.StatusNotFound, "missing", "Not there", false, map[string]string{"What": what, "Name": name})
}

// count writes 1234567 as 1 234 567, with narrow spaces.
func count(n any) string {
	var s string
	switch n := n.(type) {
	case int:
		s = strconv.Itoa(n)
	case uint64:
		s = strconv.FormatUint(n, 10)
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}

func clock(t time.Time) string { return t.Format("15:04:05.000") }

// short is the beginning of a GUID.
func short(s string) string {
	if len(s) == 36 {
		return s[:8] + "…"
	}
	return s
}

// seconds writes a duration as people read it.
func seconds(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return strconv.FormatFloat(float64(d)/1e6, 'f', 2, 64) + " ms"
	case d < time.Second:
		return strconv.FormatFloat(float64(d)/1e6, 'f', 0, 64) + " ms"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
}
