package daemon

import (
	"context"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// Persist calls step over and over until ctx ends. A fault does not end a service, since what it speaks to may be away
// for a while: it is logged, and waited out, at first for first and then longer, up to thirty times that. What step had
// taken from a queue and not acked comes again.
func Persist(ctx context.Context, log *slog.Logger, what string, first time.Duration, step func(context.Context) error) {
	waits := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(first), backoff.WithMaxInterval(30*first), backoff.WithMaxElapsedTime(0))
	for ctx.Err() == nil {
		err := step(ctx)
		if err == nil {
			waits.Reset()
			continue
		}
		if ctx.Err() != nil {
			return
		}
		wait := waits.NextBackOff()
		log.Warn("failed; trying again", "what", what, "err", err, "in", wait.Round(time.Millisecond).String())
		_ = Sleep(ctx, wait) // or ctx ends, which the loop sees
	}
}
