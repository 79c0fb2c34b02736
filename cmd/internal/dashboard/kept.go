package dashboard

import (
	"fmt"
	"sync"
)

// A whyKey is a trial with a number of parameters, which grows while it runs. Another trial of the same
// number, in a study that was made again, started at another time.
type whyKey struct {
	study  int64
	number int
	params int
	start  int64
}

// A keptWhy is made once, in the background.
type keptWhy struct {
	done chan struct{} // closed when why is there
	why  *why
}

// whys keep explanations, the last ones that were asked for: they do not change, and a new sampler
// reads the whole history again.
type whys struct {
	mu    sync.Mutex
	byKey map[whyKey]*keptWhy
	order []whyKey

	busy sync.Mutex // held while one is made: many at once would slow the search beside them
}

// of returns the explanation of a key, which it begins to make if there is none.
func (k *whys) of(key whyKey, explain func() *why) *keptWhy {
	k.mu.Lock()
	defer k.mu.Unlock()
	if one := k.byKey[key]; one != nil {
		return one
	}
	if k.byKey == nil {
		k.byKey = map[whyKey]*keptWhy{}
	}
	const most = 500
	if len(k.order) == most {
		delete(k.byKey, k.order[0])
		k.order = k.order[1:]
	}
	one := &keptWhy{done: make(chan struct{})}
	k.byKey[key] = one
	k.order = append(k.order, key)
	go func() {
		k.busy.Lock()
		defer k.busy.Unlock()
		defer close(one.done)
		defer func() {
			if p := recover(); p != nil { // which would end the search beside it
				one.why = &why{Problem: fmt.Sprintf("The sampler failed: %v.", p)}
			}
		}()
		one.why = explain()
	}()
	return one
}
