package serve

import (
	"context"
	"time"
)

// A message is in memory as a whole, those of gRPC about three times, before it is understood.
const (
	bigFrom = 1 << 20 // bytes of a body of gRPC from which it waits for a turn
	bigMost = 4       // bodies that have one

	bigJSONFrom = 64 << 10 // the same of other bodies
	bigJSONMost = 64
)

// A bigBody waits for a turn before more than its first part is read, so that clients together cannot fill the
// memory. Meanwhile the client's sending stops.
type bigBody struct {
	*slowBody
	ctx   context.Context
	turns chan struct{}
	left  int // bytes before a turn is needed
	taken bool
}

// Read implements io.Reader.
func (b *bigBody) Read(p []byte) (int, error) {
	if !b.taken && b.left == 0 {
		began := time.Now()
		_ = b.flow.SetReadDeadline(time.Time{}) // the client is not slow: we are
		select {
		case b.turns <- struct{}{}:
			b.taken, b.start = true, b.start.Add(time.Since(began))
		case <-b.ctx.Done():
			return 0, context.Cause(b.ctx)
		}
	}
	if !b.taken {
		p = p[:min(len(p), b.left)]
	}
	n, err := b.slowBody.Read(p)
	if !b.taken {
		b.left -= n
	}
	return n, err
}

// end gives the turn to another body, when the request has been answered.
func (b *bigBody) end() {
	if b.taken {
		<-b.turns
	}
}
