package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/penstock-sync/penstock/pkg/clickhouse"
	"github.com/penstock-sync/penstock/pkg/control"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
	"github.com/penstock-sync/penstock/pkg/sealed"
	"github.com/penstock-sync/penstock/pkg/spec"
	penstockv1 "github.com/penstock-sync/penstock/proto/penstock/v1"
	"github.com/penstock-sync/penstock/services/penstock/cli"
)

func TestASealedSecretIsNowhereToBeFoundAfterAWholeRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60, calm)
	w.change("ALTER TABLE model UPDATE industry = 999 WHERE n = 3")
	w.change("ALTER TABLE model UPDATE parent = 'c-none' WHERE n = 4")
	secret := uncommon(t)
	w.dataverse.SetSecret(emulator.SandboxClient, secret, false)
	wire := w.overhear()
	folder, keys := w.sealedFolder(secret)
	for _, role := range []string{extracting, writing, deadlettering} {
		p := w.part(role)
		p.Extractor.Identities, p.Writer.Identities = keys, keys
		w.spawn(p)
	}
	w.call(control.Runs, &penstockv1.RunsRequest{}, &penstockv1.RunsResponse{})
	w.call(control.DeadLetters, &penstockv1.DeadLettersRequest{}, &penstockv1.DeadLettersResponse{})
	w.penstock(0, "apply", folder)
	run := w.run()
	expect(t, "counts", run.Counts, penstock.Counts{Read: 60, Accepted: 58, Refused: 2})
	w.penstock(0, "test-connection", w.id.Environment, "--folder", folder, "--identity", string(keys))
	w.penstock(0, "test-connection", w.id.Environment)
	w.penstock(0, "run", w.id.String())
	w.penstock(0, "runs", "--json")
	w.penstock(0, "deadletters", "list", "--json")
	w.penstock(1, "seal", t.TempDir())

	// and where it is refused: with another secret registered, and with no identity to open it
	w.dataverse.SetSecret(emulator.SandboxClient, "another", false)
	w.dataverse.RevokeTokens()
	w.penstock(1, "test-connection", w.id.Environment)
	w.penstock(1, "test-connection", w.id.Environment, "--folder", folder)
	w.ask()
	eventually(t, "a service says that it gets no token", func() error {
		if text := w.log.String(); !strings.Contains(text, "AADSTS7000215") || !strings.Contains(text, "level=") {
			return fmt.Errorf("it does not")
		}
		return nil
	})

	if found := w.places(wire, secret); len(found) > 0 {
		t.Fatalf("the secret is in %v", found)
	}

	// The search finds what is there: the sealed value where it belongs, and the secret where it is put.
	line := strings.Split(string(w.environmentOf(folder).Users[0].ClientSecret.Sealed), "\n")[1]
	in := w.places(wire, line)
	for _, place := range []string{"message on penstock.control.apply", "message in KV_", "table specs"} {
		if !slices.ContainsFunc(in, func(s string) bool { return strings.HasPrefix(s, place) }) {
			t.Errorf("the sealed value is not in a %s, only in %v", place, in)
		}
	}
	if slices.Contains(in, "output") {
		t.Error("the sealed value was printed")
	}
	w.plant(secret)
	in = w.places(wire, secret)
	for _, place := range []string{"output", "file ", "message on planted", "message in KV_PLANTED", "table planted"} {
		if !slices.ContainsFunc(in, func(s string) bool { return strings.HasPrefix(s, place) }) {
			t.Errorf("a planted secret was not found in: %s, only in %v", place, in)
		}
	}
}

func TestSecretAndIdentityRotateWhileTheServicesRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 20, calm)
	folder, keys := w.sealedFolder(emulator.SandboxSecret)
	for _, role := range []string{extracting, writing, deadlettering} {
		p := w.part(role)
		p.Extractor.Identities, p.Writer.Identities = keys, keys
		w.start(p)
	}
	w.call(control.Runs, &penstockv1.RunsRequest{}, &penstockv1.RunsResponse{})
	w.penstock(0, "apply", folder)
	expect(t, "accepted", w.run().Counts.Accepted, 20)

	// another secret: seal, apply
	secret := uncommon(t)
	w.dataverse.SetSecret(emulator.SandboxClient, secret, false)
	w.sealInto(folder, secret)
	w.penstock(0, "apply", folder)
	w.dataverse.RevokeTokens()
	w.change("ALTER TABLE model UPDATE name = 'another secret' WHERE n < 5")
	expect(t, "accepted with another secret", w.run().Counts.Accepted, 5)

	// another identity: add it, reseal, apply, take the old one out
	next := filepath.Join(t.TempDir(), "identity")
	recipient := must[string](t)(sealed.NewIdentity(next))
	both := append(must[[]byte](t)(os.ReadFile(next)), must[[]byte](t)(os.ReadFile(string(keys)))...)
	w.put(string(keys), string(both))
	w.put(filepath.Join(folder, sealed.RecipientsFile), recipient+"\n")
	w.penstock(0, "reseal", folder, "--identity", string(keys))
	w.penstock(0, "apply", folder)
	w.put(string(keys), string(must[[]byte](t)(os.ReadFile(next))))
	w.dataverse.RevokeTokens()
	w.change("ALTER TABLE model UPDATE name = 'another identity' WHERE n < 3")
	expect(t, "accepted with another identity", w.run().Counts.Accepted, 3)

	// an identity that does not open it is told at once, and so is its return
	stranger := filepath.Join(t.TempDir(), "identity")
	must[string](t)(sealed.NewIdentity(stranger))
	w.put(string(keys), string(must[[]byte](t)(os.ReadFile(stranger))))
	w.penstock(1, "test-connection", w.id.Environment)
	if text := w.log.String(); !strings.Contains(text, "the client secret cannot be opened: the identity in "+string(keys)+" does not open it") {
		t.Error("the test of the connection does not say that the identity is a stranger's")
	}
	w.put(string(keys), string(must[[]byte](t)(os.ReadFile(next))))
	w.penstock(0, "test-connection", w.id.Environment)
}

// uncommon is a secret that is nowhere else, with characters that a URL and JSON write in another way.
func uncommon(t testing.TB) string {
	t.Helper()
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	return "p~" + hex.EncodeToString(random) + "/+&<>Z"
}

// sealedFolder is the world's environment and sync as files, with a sealed secret, and the identity that opens it.
func (w *world) sealedFolder(secret string) (folder string, keys sealed.Identities) {
	w.t.Helper()
	folder = w.t.TempDir()
	file := filepath.Join(w.t.TempDir(), "identity")
	recipient := must[string](w.t)(sealed.NewIdentity(file))
	w.put(filepath.Join(folder, sealed.RecipientsFile), recipient+"\n")
	w.put(filepath.Join(folder, "environments", "e2e.yaml"), fmt.Sprintf("environment: %s\nurl: %s\ntenant: %s\nusers:\n  - client_id: %s\n",
		w.id.Environment, w.api, emulator.SandboxTenant, emulator.SandboxClient))
	w.put(filepath.Join(folder, "syncs", "companies.yaml"), w.yaml)
	w.put(filepath.Join(folder, "syncs", "companies.sql"), w.query)
	w.sealInto(folder, secret)
	return folder, sealed.Identities(file)
}

func (w *world) sealInto(folder, secret string) {
	w.t.Helper()
	to := must[sealed.Recipients](w.t)(sealed.LoadRecipients(folder))
	v := must[sealed.Value](w.t)(sealed.Seal(secret, to))
	file := filepath.Join(folder, "environments", "e2e.yaml")
	data := must[[]byte](w.t)(os.ReadFile(file))
	w.put(file, string(must[[]byte](w.t)(spec.SealInto(file, data, emulator.SandboxClient, spec.ClientSecretKey, v))))
}

func (w *world) environmentOf(folder string) spec.Environment {
	w.t.Helper()
	file := filepath.Join(folder, "environments", "e2e.yaml")
	return must[spec.Environment](w.t)(spec.ParseEnvironment(file, must[[]byte](w.t)(os.ReadFile(file))))
}

// put replaces a file as a whole, as whoever mounts secrets does.
func (w *world) put(file, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		w.t.Fatal(err)
	}
}

// penstock is the command line, as verbose as it can be. What it says goes where the services' logs go.
func (w *world) penstock(code int, args ...string) {
	w.t.Helper()
	if got := cli.Main(append([]string{"--verbose", "--nats", w.natsURL()}, args...), &w.log, &w.log); got != code {
		w.t.Fatalf("penstock %s: exit code %d, want %d", strings.Join(args, " "), got, code)
	}
}

// heard are the messages of a NATS server, whoever they are for.
type heard struct {
	mu       sync.Mutex
	messages []*nats.Msg
}

// overhear listens to everything from now on.
func (w *world) overhear() *heard {
	w.t.Helper()
	h := &heard{}
	conn := must[*nats.Conn](w.t)(nats.Connect(w.natsURL()))
	w.t.Cleanup(conn.Close)
	must[*nats.Subscription](w.t)(conn.Subscribe(">", func(m *nats.Msg) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.messages = append(h.messages, m)
	}))
	if err := conn.Flush(); err != nil {
		w.t.Fatal(err)
	}
	return h
}

// places lists where a text is, in any of its forms.
func (w *world) places(wire *heard, text string) (found []string) {
	w.t.Helper()
	forms := formsOf(text)
	look := func(place string, data []byte) {
		if n, err := s2.DecodedLen(data); err == nil && n < 64<<20 {
			if plain, err := s2.Decode(nil, data); err == nil { // chunks, and some values, are compressed
				data = append(plain, data...)
			}
		}
		if slices.ContainsFunc(forms, func(form []byte) bool { return bytes.Contains(data, form) }) && !slices.Contains(found, place) {
			found = append(found, place)
		}
	}
	message := func(place string, header nats.Header, data []byte) {
		look(place, data)
		look(place, []byte(fmt.Sprint(header)))
	}
	look("output", []byte(w.log.String()))

	wire.mu.Lock()
	if len(wire.messages) == 0 {
		w.t.Error("no message was heard")
	}
	for _, m := range wire.messages {
		message("message on "+m.Subject, m.Header, m.Data)
	}
	wire.mu.Unlock()

	streams := 0
	for info := range w.js.ListStreams(w.t.Context()).Info() {
		streams++
		stream := must[jetstream.Stream](w.t)(w.js.Stream(w.t.Context(), info.Config.Name))
		for seq := info.State.FirstSeq; seq <= info.State.LastSeq && info.State.Msgs > 0; seq++ {
			if m, err := stream.GetMsg(w.t.Context(), seq); err == nil { // the others were taken
				message("message in "+info.Config.Name, m.Header, m.Data)
			}
		}
	}
	files := 0
	err := filepath.WalkDir(w.nats.Dir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // the server removes files while we look
		}
		if data, err := os.ReadFile(path); err == nil {
			files++
			look("file "+path, data)
		}
		return nil
	})
	if err != nil || streams == 0 || files == 0 {
		w.t.Errorf("%d streams and %d files were searched: %v", streams, files, err)
	}

	tables := w.tables()
	if len(tables) < 5 {
		w.t.Errorf("only the tables %v were searched", tables)
	}
	for _, table := range tables {
		query := clickhouse.Query{SQL: "SELECT formatRow('TSVRaw', *) FROM " + table}
		for row, err := range clickhouse.Each(w.t.Context(), w.warehouse, query, func(r *clickhouse.Rows) (s string, err error) { return s, r.Scan(&s) }) {
			if err != nil {
				w.t.Fatalf("%s: %v", table, err)
			}
			look("table "+table[strings.LastIndex(table, ".")+1:], []byte(row))
		}
	}
	return found
}

// tables are those of the world, and the logs that ClickHouse keeps, if it keeps any.
func (w *world) tables() (names []string) {
	w.t.Helper()
	query := clickhouse.Query{SQL: "SELECT database || '.' || name FROM system.tables WHERE database = '" + w.database + "' OR database = 'system' AND name LIKE '%\\_log'"}
	for name, err := range clickhouse.Each(w.t.Context(), w.warehouse, query, func(r *clickhouse.Rows) (s string, err error) { return s, r.Scan(&s) }) {
		if err != nil {
			w.t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// plant puts a secret where it must not be.
func (w *world) plant(secret string) {
	w.t.Helper()
	must[int](w.t)(w.log.Write([]byte(base64.StdEncoding.EncodeToString([]byte("Basic:" + secret)))))
	quoted := must[[]byte](w.t)(json.Marshal(secret))
	bucket := must[jetstream.KeyValue](w.t)(w.js.CreateKeyValue(w.t.Context(), jetstream.KeyValueConfig{Bucket: "PLANTED"}))
	must[uint64](w.t)(bucket.Put(w.t.Context(), "x", quoted))
	if err := w.queue.Conn().Publish("planted", []byte("a="+url.QueryEscape(secret))); err != nil {
		w.t.Fatal(err)
	}
	if err := w.queue.Conn().Flush(); err != nil {
		w.t.Fatal(err)
	}
	w.put(filepath.Join(w.nats.Dir(), "planted"), hex.EncodeToString([]byte(secret)))
	if err := w.warehouse.Exec(w.t.Context(), "CREATE TABLE "+w.database+".planted ENGINE = MergeTree ORDER BY tuple() AS SELECT "+fmt.Sprintf("'%s' AS x, 1 AS y", secret)); err != nil {
		w.t.Fatal(err)
	}
}

// formsOf lists how a text may be written: as it is, in JSON, in a URL, in hexadecimal, and in base64 wherever it begins.
func formsOf(text string) (forms [][]byte) {
	quoted, err := json.Marshal(text)
	if err == nil {
		forms = append(forms, bytes.Trim(quoted, `"`))
	}
	forms = append(forms, []byte(text), []byte(url.QueryEscape(text)), []byte(url.PathEscape(text)), []byte(hex.EncodeToString([]byte(text))))
	for shift := range 3 {
		padded := append(make([]byte, shift), text...)
		padded = padded[:len(padded)/3*3]
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			encoded := encoding.EncodeToString(padded)
			forms = append(forms, []byte(encoded[(shift*8+5)/6:])) // without what the letters before it are part of
		}
	}
	return forms
}
