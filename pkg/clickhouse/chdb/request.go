package chdb

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	chproto "github.com/ClickHouse/ch-go/proto"
)

// request is a statement as it came over HTTP, with what belongs to it. Its data waits in files: the engine takes data
// from files only, and data inline in a statement is cut off at max_query_size.
type request struct {
	sql      string
	id       string // query id; never empty
	database string
	format   string // of the result, if the statement names none
	revision uint64 // of the protocol that the client decodes; 0 means blocks as files have them

	settings map[string]string
	params   map[string]string // query parameters, in the escaped text form of TSV
	external []external

	compress bool // the result goes out in compressed blocks
	method   string
	gzip     bool // the result goes out as gzip

	files []string
}

// external is a table that lives as long as the request.
type external struct{ name, structure, format, file string }

// most that a statement may have, in bytes. Data does not count.
const maxStatement = 64 << 20

// ours are the URL parameters of ClickHouse's HTTP interface that are not settings. Those without a case in newRequest
// say how a server should answer or queue, and nothing here differs by them.
var ours = []string{ //nolint:gochecknoglobals // constant table
	"query", "query_id", "database", "default_format", "client_protocol_version", "compress", "decompress",
	"network_compression_method", "network_zstd_compression_level", "enable_http_compression", "http_zlib_compression_level",
	"user", "password", "quota_key", "role", "wait_end_of_query", "buffer_size", "stacktrace", "close_session",
	"session_id", "session_timeout", "session_check", markSetting,
	// A lone engine has nobody to wait for: an INSERT is in when it returns.
	"async_insert", "wait_for_async_insert", "async_insert_busy_timeout_ms", "async_insert_max_data_size",
	"cancel_http_readonly_queries_on_client_close", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
}

// newRequest reads a request to its end, with its data going to files in spool. The caller closes it, after an error too.
func newRequest(r *http.Request, spool string) (*request, error) {
	q := r.URL.Query()
	req := &request{settings: map[string]string{}, params: map[string]string{}}
	if id := q.Get("session_id"); id != "" {
		return req, raise(notImplemented, "NOT_IMPLEMENTED", "The embedded ClickHouse has no HTTP sessions (session_id); a statement stands alone")
	}
	body, err := decoded(r.Body, r.Header.Get("Content-Encoding"), q.Get("decompress") == "1")
	if err != nil {
		return req, err
	}
	if kind, with, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		err = req.readForm(multipart.NewReader(body, with["boundary"]), q, spool)
		if err != nil {
			return req, err
		}
		req.sql = q.Get("query")
	} else if err := req.readBody(body, q.Get("query"), spool); err != nil {
		return req, err
	}
	if strings.TrimSpace(req.sql) == "" {
		return req, raise(62, "SYNTAX_ERROR", "Empty query")
	}

	req.id = q.Get("query_id")
	req.database = q.Get("database")
	req.format = q.Get("default_format")
	if req.format == "" {
		req.format = "TabSeparated"
	}
	if v := q.Get("client_protocol_version"); v != "" {
		if req.revision, err = strconv.ParseUint(v, 10, 32); err != nil {
			return req, raise(badArguments, "BAD_ARGUMENTS", "client_protocol_version %q is no number", v)
		}
	}
	req.compress = q.Get("compress") == "1"
	req.method = strings.ToUpper(q.Get("network_compression_method"))
	req.gzip = q.Get("enable_http_compression") == "1" && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")

	for name, values := range q {
		value := values[len(values)-1]
		if param, ok := strings.CutPrefix(name, "param_"); ok {
			req.params[param] = value
			continue
		}
		isTable := func(e external) bool {
			return name == e.name+"_format" || name == e.name+"_structure" || name == e.name+"_types"
		}
		if !slices.Contains(ours, name) && !slices.ContainsFunc(req.external, isTable) {
			req.settings[name] = value
		}
	}
	return req, nil
}

// decoded takes the transport's compression off a body.
func decoded(body io.Reader, encoding string, blocks bool) (io.Reader, error) {
	switch encoding {
	case "", "identity":
	case "gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, raise(badArguments, "BAD_ARGUMENTS", "Content-Encoding gzip: %v", err)
		}
		body = z
	default:
		return nil, raise(notImplemented, "NOT_IMPLEMENTED", "The embedded ClickHouse does not know Content-Encoding %q; compress with lz4, zstd or gzip", encoding)
	}
	if blocks {
		r := chproto.NewReader(body)
		r.EnableCompression()
		return r, nil
	}
	return body, nil
}

// insertWithData matches an INSERT whose data follows, in the parts between which FROM INFILE belongs.
var insertWithData = regexp.MustCompile(`(?is)^(\s*INSERT\s+INTO\s.*?)(\s+SETTINGS\s[^)]*?)?\s+(FORMAT\s+\w+|VALUES)\s*;?\s*$`)

// readBody takes the statement from the URL and the body: the body is its data if it is an INSERT that wants some, else
// its continuation.
func (req *request) readBody(body io.Reader, sql, spool string) error {
	m := insertWithData.FindStringSubmatch(sql)
	if m == nil {
		rest, err := statement(body)
		if err != nil {
			return err
		}
		switch {
		case sql == "":
			req.sql = rest
		case rest == "":
			req.sql = sql
		default:
			req.sql = sql + "\n" + rest
		}
		return nil
	}
	file, err := req.save(body, spool)
	if err != nil {
		return err
	}
	format := m[3]
	if strings.EqualFold(format, "VALUES") {
		format = "FORMAT Values"
	}
	req.sql = fmt.Sprintf("%s FROM INFILE %s COMPRESSION 'none'%s %s", m[1], quote(file), m[2], format)
	return nil
}

// readForm reads a form: files are external tables, fields are as if they stood in the URL.
func (req *request) readForm(form *multipart.Reader, q url.Values, spool string) error {
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read form: %w", err)
		}
		name := part.FormName()
		if _, with, err := mime.ParseMediaType(part.Header.Get("Content-Disposition")); err != nil || !hasKey(with, "filename") {
			text, err := statement(part)
			if err != nil {
				return err
			}
			if name == "query" {
				text = strings.TrimSpace(q.Get("query") + " " + text)
			}
			q.Set(name, text)
			continue
		}
		if !identifier.MatchString(name) {
			return raise(badArguments, "BAD_ARGUMENTS", "External table name %q is no identifier", name)
		}
		table := external{name: name, structure: q.Get(name + "_structure"), format: q.Get(name + "_format")}
		if table.structure == "" {
			return raise(badArguments, "BAD_ARGUMENTS", "External table %s has no %s_structure", name, name)
		}
		if table.format == "" {
			table.format = "TabSeparated"
		}
		if !identifier.MatchString(table.format) {
			return raise(unknownFormat, "UNKNOWN_FORMAT", "Unknown format %q of external table %s", table.format, name)
		}
		if table.file, err = req.save(part, spool); err != nil {
			return err
		}
		req.external = append(req.external, table)
	}
}

func hasKey(m map[string]string, key string) bool { _, ok := m[key]; return ok }

// statement reads SQL text.
func statement(r io.Reader) (string, error) {
	var text bytes.Buffer
	n, err := text.ReadFrom(io.LimitReader(r, maxStatement+1))
	if err != nil && !errors.Is(err, io.EOF) { // ch-go's reader of compressed blocks wraps EOF
		return "", fmt.Errorf("read statement: %w", err)
	}
	if n > maxStatement {
		return "", raise(badArguments, "BAD_ARGUMENTS", "The statement is over %d bytes; send data as the body of an INSERT whose statement is in the URL", maxStatement)
	}
	return text.String(), nil
}

// save writes data to a file of this request.
func (req *request) save(data io.Reader, spool string) (path string, err error) {
	f, err := os.CreateTemp(spool, "data-")
	if err != nil {
		return "", err
	}
	req.files = append(req.files, f.Name())
	_, err = io.Copy(f, data)
	if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) { // as in statement
		err = nil
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("receive data: %w", err)
	}
	return f.Name(), nil
}

// close removes the request's files.
func (req *request) close() error {
	var errs []error
	for _, file := range req.files {
		errs = append(errs, os.Remove(file))
	}
	return errors.Join(errs...)
}

// prepare makes the session what the request asks for: settings, parameters, database, external tables.
func (req *request) prepare(s *session, mark string) error {
	set := []string{
		"implicit_select = '0'", // libchdb's default reads a misspelt SELECT as an expression
		markSetting + " = " + quote(mark),
	}
	for name, value := range req.settings {
		if !identifier.MatchString(name) {
			return raise(115, "UNKNOWN_SETTING", "Unknown setting %q", name)
		}
		set = append(set, name+" = "+quote(value))
	}
	for name, value := range req.params {
		if !identifier.MatchString(name) {
			return raise(badArguments, "BAD_ARGUMENTS", "Query parameter name %q is no identifier", name)
		}
		set = append(set, "param_"+name+" = "+quote(value))
	}
	statements := []string{"SET " + strings.Join(set, ", ")}
	if req.database != "" && req.database != "default" {
		statements = append(statements, "USE "+backquote(req.database))
	}
	for _, t := range req.external {
		statements = append(statements,
			fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s)", backquote(t.name), t.structure),
			fmt.Sprintf("INSERT INTO %s FROM INFILE %s COMPRESSION 'none' FORMAT %s", backquote(t.name), quote(t.file), t.format))
	}
	return s.exec(statements...)
}
