package dashboard

import "sync"

// A whyKey is a trial with a number of parameters, which grows while it runs.
type whyKey struct {
	study  int64
	number int
	params int
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
		defer close(one.done)
		one.why = explain()
	}()
	return one
}
