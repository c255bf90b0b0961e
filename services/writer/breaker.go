package writer

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/sony/gobreaker/v2"

	"github.com/penstock-sync/penstock/pkg/penstock"
)

// errSick is what a request reports to the breaker when Dataverse itself, or the way to it, is at fault.
var errSick = errors.New("dataverse does not answer as it should")

// errUnused is what a permit reports that no request was sent with: it says nothing of anyone's health.
var errUnused = errors.New("no request was sent")

// A breaker stops requests to an environment that fails as a whole: transport, 5xx, time-outs. Answers about rows and
// throttling are signs of health. When it has been open for a while one probe goes out; each probe that fails doubles
// the wait, up to a bound.
type breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]

	mu      sync.Mutex
	backoff *backoff.ExponentialBackOff
	until   time.Time // no probe before
}

func newBreaker(name string, first, most time.Duration, changed func(from, to string)) *breaker {
	b := &breaker{backoff: backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(first), backoff.WithMultiplier(2), backoff.WithRandomizationFactor(0.1),
		backoff.WithMaxInterval(most), backoff.WithMaxElapsedTime(0),
	)}
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        name,
		MaxRequests: 1,
		Timeout:     first / 2, // until is later than that; it decides
		IsExcluded:  func(err error) bool { return errors.Is(err, errUnused) },
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 5 },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			b.mu.Lock()
			switch to {
			case gobreaker.StateOpen:
				b.until = time.Now().Add(b.backoff.NextBackOff())
			case gobreaker.StateClosed:
				b.backoff.Reset()
			case gobreaker.StateHalfOpen:
			}
			b.mu.Unlock()
			changed(from.String(), to.String())
		},
	})
	return b
}

// A passage is the right to send one request, as far as the breaker is concerned. It ends by report or by unused.
type passage struct{ done func(error) }

// report ends the passage with the fault of the whole request, Fine where there was none.
func (p passage) report(k penstock.Kind) { p.done(verdict(k)) }

// unused ends the passage of a request that was not sent.
func (p passage) unused() { p.done(errUnused) }

// enter waits until a request may go.
func (b *breaker) enter(ctx context.Context) (passage, error) {
	for {
		b.mu.Lock()
		wait := time.Until(b.until)
		b.mu.Unlock()
		if wait <= 0 {
			done, err := b.circuit.Allow()
			if err == nil {
				return passage{done}, nil
			}
			wait = 50 * time.Millisecond // a probe is out
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return passage{}, context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// open reports whether requests are stopped.
func (b *breaker) open() bool { return b.circuit.State() == gobreaker.StateOpen }

// verdict is what the fault of a whole request (Fine: none) says of the environment's health.
func verdict(k penstock.Kind) error {
	switch k {
	case penstock.Transient, penstock.Faulty, penstock.Unanswered, penstock.NotExecuted:
		return errSick
	case penstock.Fine, penstock.TooMuch, penstock.Race, penstock.Throttled, penstock.RowFault, penstock.SystemFault:
	}
	return nil
}
