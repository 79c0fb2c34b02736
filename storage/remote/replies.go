package remote

import (
	"sync"
	"time"
)

// How long and how many replies are kept: for as long as clients repeat a call, and as memory allows.
const (
	keepFor  = 5 * time.Minute
	keepMost = 1 << 17 // in units of about 300 bytes
)

// replies are the answers to recent calls that changed something.
type replies struct {
	mu     sync.Mutex
	byKey  map[string]*kept
	order  []*kept // of those that are done, the oldest first
	weight int
}

// A kept is a call, and its reply when it is done.
type kept struct {
	key    string
	done   chan struct{} // closed when the call is done
	reply  *reply        // nil: it has failed
	at     time.Time
	weight int
}

func newReplies() *replies { return &replies{byKey: map[string]*kept{}} }

// enter returns the call with the key, and whether the caller is the first to make it. The first one
// must leave.
func (all *replies) enter(key string) (k *kept, first bool) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if k = all.byKey[key]; k != nil {
		return k, false
	}
	k = &kept{key: key, done: make(chan struct{})}
	all.byKey[key] = k
	return k, true
}

// leave ends a call with its reply. A call that has failed may be made again.
func (all *replies) leave(k *kept, r *reply) {
	all.mu.Lock()
	defer all.mu.Unlock()
	k.reply, k.at, k.weight = r, time.Now(), 1
	if close(k.done); r == nil {
		delete(all.byKey, k.key)
		return
	}
	if t := r.answer.Trial; t != nil {
		k.weight += (len(t.Reports) + len(t.Params) + len(t.UserAttrs) + len(t.SystemAttrs)) / 4
	}
	all.order, all.weight = append(all.order, k), all.weight+k.weight
	for len(all.order) > 0 && (all.weight > keepMost || time.Since(all.order[0].at) > keepFor) {
		old := all.order[0]
		all.order[0], all.order, all.weight = nil, all.order[1:], all.weight-old.weight
		delete(all.byKey, old.key)
	}
}
