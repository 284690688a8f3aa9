package virtual

import (
	"context"
	"sync"
	"time"
)

// Processor times in a function of 512 MB, which has 512/1769 of a processor: measured by
// BenchmarkDue in internal/dynamo, 0.37 ms for an empty page and 3.1 ms more for a full one.
const (
	requestCPU = 370 * time.Microsecond * 1769 / 512
	keyCPU     = 3 * time.Microsecond * 1769 / 512
)

// processor is that of one invocation, which does one thing at a time.
type processor struct {
	mu   sync.Mutex
	free time.Time // when it has done everything that it was asked for
}

type processorKey struct{}

func withProcessor(ctx context.Context) context.Context {
	return context.WithValue(ctx, processorKey{}, &processor{})
}

// elapse waits for d, and until the invocation's processor has spent cpu if the World counts
// that; false if ctx ends first.
func (w *World) elapse(ctx context.Context, d, cpu time.Duration) bool {
	if p, ok := ctx.Value(processorKey{}).(*processor); ok && w.Processor {
		d = max(d, p.spend(cpu))
	}
	return d == 0 || elapse(ctx, d)
}

// spend returns how long it takes until the processor has spent cpu.
func (p *processor) spend(cpu time.Duration) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(cpu)
	return p.free.Sub(now)
}
