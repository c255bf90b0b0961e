package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/penstock-sync/penstock/pkg/dataverse"
	"github.com/penstock-sync/penstock/pkg/dataverse/emulator"
	"github.com/penstock-sync/penstock/pkg/penstock"
)

// The emulator is measured with as many connections as processors, each sending full batches for so long.
const (
	emulatorTime    = 5 * time.Second
	emulatorBatches = 200  // of different rows: 200,000 records are made, then written to over and over
	emulatorMillion = 1000 // batches after which there are a million records
)

// emulator measures how many batched upserts of eight columns by alternate key the emulator takes from our client, both in
// this process and over a socket, without a latency model: emulator_operations_per_second. The bodies are rendered
// beforehand; framing and reading the answers is part of it. Then it fills the emulator up to a million contacts, and measures what
// they keep of the heap: emulator_mib_per_million_contacts.
func (b *bench) emulator(ctx context.Context) (err error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           emulator.New(emulator.Config{Limits: emulator.Limits{Off: true}, NoJournal: true}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	var serving errgroup.Group
	serving.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	defer func() { err = errors.Join(err, server.Close(), serving.Wait()) }()
	parallel := int(b.figures["processors"])
	client, err := dataverse.New(dataverse.Config{
		URL: "http://" + listener.Addr().String(), ClientID: emulator.SandboxClient, Connections: parallel,
		Secret: func() (string, error) { return emulator.SandboxSecret, nil },
	})
	if err != nil {
		return err
	}
	defer client.Close()
	batches := make([][]penstock.Change, emulatorBatches)
	for i := range batches {
		batches[i] = emulatorBatch(i)
	}

	empty := heap()
	var next, done atomic.Int64
	until, before := time.Now().Add(emulatorTime), processor()
	began := time.Now()
	err = inParallel(parallel, func() error {
		for time.Now().Before(until) {
			changes := batches[int(next.Add(1))%len(batches)]
			if err := accepted(client.Batch(ctx, "contact", penstock.Execution{}, changes)); err != nil {
				return err
			}
			done.Add(int64(len(changes)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.figures["emulator_operations_per_second"] = float64(done.Load()) / time.Since(began).Seconds()
	b.figures["emulator_cpu_us_per_operation"] = float64((processor() - before).Microseconds()) / float64(done.Load())

	next.Store(0)
	err = inParallel(parallel, func() error {
		for n := int(next.Add(1)) - 1; n < emulatorMillion; n = int(next.Add(1)) - 1 {
			if err := accepted(client.Batch(ctx, "contact", penstock.Execution{}, emulatorBatch(n))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	b.figures["emulator_mib_per_million_contacts"] = float64(int64(heap()-empty)) / (1 << 20)
	runtime.KeepAlive(batches) // as before the first measurement
	return nil
}

// heap is what lives on the heap, in bytes.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what pools kept is let go by the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func inParallel(n int, f func() error) error {
	var all errgroup.Group
	for range n {
		all.Go(f)
	}
	return all.Wait()
}

// accepted fails unless every change of a batch was written.
func accepted(a dataverse.Answer) error {
	if a.Fault != nil {
		return a.Fault
	}
	for i := range a.Verdicts {
		if a.Verdicts[i].Kind != penstock.Fine {
			return fmt.Errorf("the emulator refused an upsert: %s", a.Verdicts[i].Cause.Error())
		}
	}
	return nil
}

// emulatorBatch is a full batch of upserts whose rows no other batch has.
func emulatorBatch(n int) []penstock.Change {
	changes := make([]penstock.Change, penstock.MaxChanges)
	for i := range changes {
		id := strconv.Itoa(n*penstock.MaxChanges + i)
		changes[i] = penstock.Change{
			Operation: penstock.Upsert, Key: "k" + id, Address: "contacts(externaluseridentifier='K" + id + "')",
			Body: []byte(`{"firstname":"Ada","lastname":"Lovelace ` + id + `","emailaddress1":"ada` + id + `@mail.example",` +
				`"telephone1":"+44 20 7946 0000","birthdate":"1815-12-10","gendercode":2,"annualincome":1234.56,"donotemail":true}`),
		}
	}
	return changes
}
