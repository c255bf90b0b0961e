package emulator_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
)

const benchBatch = 1000

// appendUpserts frames a batch of upserts with 8 columns by alternate key, as cheaply as a client can.
func appendUpserts(b []byte, first, count, version int) []byte {
	for i := range count {
		n := first + i
		b = append(b, "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\nPATCH /api/data/v9.2/contacts(externaluseridentifier='C-"...)
		b = fmt.Appendf(b, "%08d", n)
		b = append(b, "') HTTP/1.1\r\nContent-Type: application/json; type=entry\r\n\r\n{\"firstname\":\"Ada "...)
		b = fmt.Appendf(b, "%d", version)
		b = append(b, `","lastname":"Lovelace","emailaddress1":"ada@example.org","telephone1":"+44 20 7946 0000","birthdate":"1815-12-10","gendercode":2,"annualincome":1234.56,"donotemail":true}`...)
		b = append(b, "\r\n"...)
	}
	return append(b, "--b--\r\n"...)
}

// BenchmarkBatchedUpserts sends batches of 1,000 over loopback, from two connections: first creates, then updates of 100,000 rows.
// The bodies are framed beforehand: what is measured is the emulator, net/http on both sides, and a client that counts the answer's bytes.
func BenchmarkBatchedUpserts(b *testing.B) {
	for _, c := range []struct {
		name   string
		config emulator.Config
	}{
		{"journal", emulator.Config{Limits: emulator.Limits{Off: true}}},
		{"no journal", emulator.Config{Limits: emulator.Limits{Off: true}, NoJournal: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := start(b, c.config)
			bodies := make([][]byte, 100)
			for i := range bodies {
				bodies[i] = appendUpserts(nil, i*benchBatch, benchBatch, i)
			}
			var next atomic.Int64
			b.SetBytes(int64(len(bodies[0])))
			b.ReportAllocs()
			before := processorTime(b)
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					body := bodies[int(next.Add(1))%len(bodies)]
					r := e.request("POST", "$batch", "", "Content-Type: multipart/mixed; boundary=b", "Prefer: odata.continue-on-error")
					r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
					response, err := e.http.Do(r)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
						b.Fatal(response.Status, err)
					}
					_ = response.Body.Close()
				}
			})
			b.ReportMetric(float64(b.N*benchBatch)/b.Elapsed().Seconds(), "operations/s")
			b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N*benchBatch), "cpu-ns/operation")
		})
	}
}

// processorTime is what the process has used so far: on a machine that others use too it says more than the clock.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSingleUpserts is one request for each row.
func BenchmarkSingleUpserts(b *testing.B) {
	e := start(b, emulator.Config{Limits: emulator.Limits{Off: true}})
	var next atomic.Int64
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			a, err := e.try(e.request("PATCH", fmt.Sprintf("contacts(externaluseridentifier='C-%d')", next.Add(1)%10000), `{"lastname":"Lovelace"}`))
			if err != nil || a.status != http.StatusNoContent {
				b.Fatal(a, err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "operations/s")
}
