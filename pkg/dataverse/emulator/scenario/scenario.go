// Package scenario reads what an emulator is to be from a YAML file: emulator.Config by the names of its fields, with tables in files of
// their own and faults as orders.
//
//	organization_name: Contoso
//	apps:
//	  - client_id: 11111111-1111-1111-1111-111111111111
//	    secret: sandbox
//	    revoked: [prvDeleteContact]
//	tables: [invoices.yaml]
//	servers: 2
//	limits: {requests: 600, window: 30s}
//	latency:
//	  request: 20ms
//	  operation: 4ms
//	  plug_ins:
//	    - {name: scoring, table: contact, message: Update, cost: 80ms}
//	faults:
//	  - {fault: deadlock, match: {table: contact}, share: 1%}
//	assumptions: {strict_read_only: true}
package scenario

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/entra"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/faults"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator/latency"
	"github.com/penstock-sync/penstock/pkg/document"
	"github.com/penstock-sync/penstock/pkg/document/fields"
)

// A Scenario is what a file says. Config.Tables is empty: the files named by Tables have them.
type Scenario struct {
	Config emulator.Config
	Tables []string // files with tables; relative ones are meant from the scenario's folder
	Faults []faults.Order
}

// written is the file: Config, but for the two fields that are written otherwise.
type written struct {
	emulator.Config
	Tables []string
	Faults []order
}

// order is a faults.Order without what only Place knows.
type order struct {
	Fault      string
	At         faults.Point
	Match      faults.Match
	After      int
	Count      int
	Share      float64
	Seed       uint64
	Delay      faults.Duration
	RetryAfter faults.Duration
	Status     int
	Code       string
	Message    string
}

// Read reads a scenario. file is its path, for problems and for the files that it names. The error has a line for each mistake, with
// file, line and column.
func Read(file string, data []byte) (Scenario, error) {
	r := &fields.Reader{Reader: &document.Reader{File: file}, Words: map[reflect.Type][]string{
		reflect.TypeFor[latency.Message](): {string(latency.Create), string(latency.Update), string(latency.Delete)},
		reflect.TypeFor[faults.Point]():    {string(faults.Request), string(faults.Operation), string(faults.Token)},
		reflect.TypeFor[entra.AppState]():  {"enabled", "disabled", "unsupported", "blocked"},
	}, Texts: map[reflect.Type]func(string) (any, error){
		reflect.TypeFor[*x509.Certificate](): func(name string) (any, error) { return certificate(beside(file, name)) },
	}}
	var d written
	r.Read(data, &d)
	s := Scenario{Config: d.Config}
	refuse(r, "limits", d.Limits.Validate())
	refuse(r, "latency", d.Latency.Validate())
	for _, app := range d.Apps {
		if app.ClientID == "" {
			r.Refuse("apps", "add client_id: …", "an app has no client_id")
		}
	}
	if d.Servers < 0 {
		r.Refuse("servers", "", "servers cannot be %d", d.Servers)
	}
	for _, table := range d.Tables {
		s.Tables = append(s.Tables, beside(file, table))
	}
	for i, o := range d.Faults {
		full := faults.Order{
			Fault: o.Fault, At: o.At, Match: o.Match, After: o.After, Count: o.Count, Share: o.Share, Seed: o.Seed,
			Delay: o.Delay, RetryAfter: o.RetryAfter, Status: o.Status, Code: o.Code, Message: o.Message,
		}
		refuse(r, fmt.Sprintf("faults[%d]", i+1), full.Validate())
		s.Faults = append(s.Faults, full)
	}
	return s, r.Err()
}

// beside is where a file lies that the scenario names.
func beside(file, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(file), name)
}

// certificate reads the first certificate of a PEM file.
func certificate(file string) (*x509.Certificate, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return x509.ParseCertificate(block.Bytes)
		}
	}
	return nil, fmt.Errorf("%s has no certificate in PEM", file)
}

// refuse notes each of the joined errors.
func refuse(r *fields.Reader, path string, err error) {
	if err == nil {
		return
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		r.Refuse(path, "", "%s", line)
	}
}
