package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
)

const (
	eventTrials = 1000                   // in one event, at most
	eventPause  = 100 * time.Millisecond // at least between two reads of a study
	keepAlive   = 15 * time.Second       // between comments, so that proxies keep the connection
	sendWithin  = 30 * time.Second       // a reader that takes nothing for so long is left
)

// feeds follow the studies that somebody listens to: one goroutine each, however many listen.
type feeds struct {
	storage storage.Viewer
	done    <-chan struct{}

	mu   sync.Mutex // guards the following
	open map[int64]*feed
}

// A feed is what is new in one study.
type feed struct {
	readers int           // guarded by feeds.mu
	end     func()        // ends the goroutine
	next    *news         // the next one; guarded by feeds.mu
	gone    chan struct{} // closed when the study cannot be followed any more
	err     error         // why, once gone is closed
}

// News are the changes from one revision to another. They point to those that follow.
type news struct {
	ready    chan struct{} // closed when the following is known
	from, to int64
	text     []byte // the event
	next     *news
}

// follow returns the feed of a study from its next change on, and the function that leaves it.
func (f *feeds) follow(study, revision int64) (feed *feed, next *news, leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one, ok := f.open[study]
	if !ok {
		ctx, cancel := context.WithCancel(context.Background())
		one = newFeed(cancel)
		f.open[study] = one
		go f.run(ctx, one, study, revision)
	}
	one.readers++
	return one, one.next, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if one.readers--; one.readers == 0 {
			one.end()
			if f.open[study] == one {
				delete(f.open, study)
			}
		}
	}
}

func newFeed(cancel func()) *feed {
	return &feed{end: cancel, next: &news{ready: make(chan struct{})}, gone: make(chan struct{})}
}

// run reads a study whenever it has changed, until nobody listens.
func (f *feeds) run(ctx context.Context, one *feed, study, revision int64) {
	for {
		err := f.storage.Await(ctx, study, revision)
		var c storage.Changes
		if err == nil {
			c, err = f.storage.Some(ctx, study, revision, eventTrials, false)
		}
		if err != nil {
			f.mu.Lock()
			if f.open[study] == one {
				delete(f.open, study)
			}
			f.mu.Unlock()
			one.err = err
			close(one.gone)
			return
		}
		if len(c.Trials) == 0 {
			continue // Await has waited
		}
		n := one.next
		n.from, n.to, n.text = revision, c.Revision, eventText(c)
		n.next = &news{ready: make(chan struct{})}
		revision = c.Revision
		f.mu.Lock()
		one.next = n.next
		f.mu.Unlock()
		close(n.ready)
		select {
		case <-ctx.Done():
		case <-time.After(eventPause):
		}
	}
}

// eventText is the event of some changes.
func eventText(c storage.Changes) []byte {
	type changed struct {
		Number int             `json:"number"`
		State  string          `json:"state"`
		Values []pyjson.Number `json:"values"`
	}
	list := []changed{}
	for _, t := range c.Trials {
		one := changed{t.Number, stateWord(t.State), []pyjson.Number{}}
		for _, v := range t.Values {
			one.Values = append(one.Values, pyjson.Number(v))
		}
		list = append(list, one)
	}
	data, _ := json.Marshal(map[string]any{"revision": c.Revision, "trials": list}) // numbers and words always marshal
	return fmt.Appendf(nil, "id: %d\nevent: change\ndata: %s\n\n", c.Revision, data)
}

// events answers GET /v1/studies/{name}/events: server-sent events. One who has the ID of the last event gets what
// changed since; others what changes from now on.
func (a *API) events(w http.ResponseWriter, r *http.Request) (any, error) {
	record, err := a.load(r)
	if err != nil {
		return nil, err
	}
	tally, err := a.cfg.Storage.Tally(r.Context(), record.ID)
	if err != nil {
		return nil, err
	}
	at := tally.Revision
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		if at, err = strconv.ParseInt(last, 10, 64); err != nil || at < 0 {
			return nil, wrong("Last-Event-ID", last, "the id of an event")
		}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies would hold events back
	if r.Method == http.MethodHead {
		return nil, nil
	}
	feed, next, leave := a.feeds.follow(record.ID, tally.Revision)
	defer leave()
	to := reader{w, http.NewResponseController(w)}
	if err := to.write(fmt.Appendf(nil, "retry: 2000\nid: %d\nevent: hello\ndata: {\"revision\":%d}\n\n", at, at)); err != nil {
		return nil, nil
	}
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		// What the feed does not have: it started later, or the reader missed some.
		if at, err = a.catchUp(r.Context(), to, record.ID, at); err != nil {
			return nil, nil
		}
		for behind := false; !behind; {
			select {
			case <-r.Context().Done():
				return nil, nil
			case <-a.done:
				return nil, nil
			case <-feed.gone:
				word, _ := json.Marshal(problemOf(feed.err)) // a problem always marshals
				_ = to.write(fmt.Appendf(nil, "event: end\ndata: %s\n\n", word))
				return nil, nil
			case <-alive.C:
				if to.write([]byte(": still here\n\n")) != nil {
					return nil, nil
				}
			case <-next.ready:
				switch {
				case next.from > at:
					behind = true // catch up, and try this one again
					continue
				case next.to > at:
					if to.write(next.text) != nil {
						return nil, nil
					}
					at = next.to
				}
				next = next.next
			}
		}
	}
}

// catchUp sends what changed since a revision, and returns the one that was reached.
func (a *API) catchUp(ctx context.Context, to reader, study, at int64) (int64, error) {
	for {
		c, err := a.cfg.Storage.Some(ctx, study, at, eventTrials, false)
		if errors.Is(err, storage.ErrNotExist) {
			return at, nil // the feed says so
		}
		if err != nil || len(c.Trials) == 0 {
			return max(at, c.Revision), err
		}
		if err := to.write(eventText(c)); err != nil {
			return at, err
		}
		at = c.Revision
	}
}

// A reader is who reads a stream.
type reader struct {
	w    http.ResponseWriter
	flow *http.ResponseController
}

// write sends text, unless the reader has not taken for a while what was sent before.
func (t reader) write(text []byte) error {
	_ = t.flow.SetWriteDeadline(time.Now().Add(sendWithin)) // tests have no connection
	defer t.flow.SetWriteDeadline(time.Time{})
	if _, err := t.w.Write(text); err != nil {
		return err
	}
	return t.flow.Flush()
}
