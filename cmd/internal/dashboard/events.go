package dashboard

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

const (
	eventPause = 300 * time.Millisecond // at least between two events
	keepAlive  = 15 * time.Second       // between comments, so that proxies and followers stay
	sendWithin = 30 * time.Second       // a viewer that reads nothing for so long is left
	listEvery  = time.Second            // how often the list of studies is compared
)

// A change is the data of an event: what is new at a glance. The page then asks for what it shows.
type change struct {
	Revision int64          `json:"revision"`
	States   map[string]int `json:"states"`
	Best     *bestTrial     `json:"best"`
	Error    string         `json:"error,omitempty"` // why there is nothing
}

// A bestTrial has the value of the first objective.
type bestTrial struct {
	Number int        `json:"number"`
	Value  plot.Float `json:"value"`
}

func (s *snapshot) change() change {
	c := change{Revision: s.revision, States: map[string]int{}}
	if s.err != nil {
		c.Error = sentence(s.err)
	}
	for state, n := range s.states() {
		c.States[state.String()] = n
	}
	if best, ok := s.history.Best(); ok {
		c.Best = &bestTrial{best.Number, plot.Float(best.Values[0])}
	}
	return c
}

// A stream sends events to one viewer.
type stream struct {
	w     http.ResponseWriter
	flow  *http.ResponseController
	gone  <-chan struct{} // closed when the viewer is gone
	done  <-chan struct{} // closed at the end of the server
	alive *time.Ticker    // for comments
}

// newStream begins an answer that lasts. It fails if nobody reads it.
func (s *Server) newStream(w http.ResponseWriter, r *http.Request) (stream, error) {
	to := stream{w, http.NewResponseController(w), r.Context().Done(), s.done, time.NewTicker(keepAlive)}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // proxies would hold events back
	if r.Method == http.MethodHead {
		return to, errors.New("only the headers are wanted")
	}
	return to, to.write("retry: 2000\n\n")
}

// await returns after wake, or earlier, after a comment that keeps the stream open. It reports whether the
// stream continues.
func await[T any](s stream, wake <-chan T) bool {
	select {
	case <-s.gone:
		return false
	case <-s.done:
		return false
	case <-s.alive.C:
		return s.write(": still here\n\n") == nil // viewers ignore it
	case <-wake:
		return true
	}
}

// write sends text, unless the viewer has not read for a while what was sent before.
func (s stream) write(format string, args ...any) error {
	_ = s.flow.SetWriteDeadline(time.Now().Add(sendWithin)) // tests have no connection
	defer s.flow.SetWriteDeadline(time.Time{})
	if _, err := fmt.Fprintf(s.w, format, args...); err != nil {
		return err
	}
	return s.flow.Flush()
}

// send sends an event, whose data is JSON and so one line.
func (s stream) send(name, id string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return s.write("%sevent: %s\ndata: %s\n\n", id, name, text)
}

// studyEvents tells a viewer each time the study has changed. One who has the last event's id, or a page
// of that revision, gets an event only if there was a change since.
func (s *Server) studyEvents(w http.ResponseWriter, r *http.Request) error {
	now, err := s.study(r)
	if err != nil {
		return err
	}
	since := cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("since"))
	last, _ := strconv.ParseInt(since, 10, 64) // 0: none, or not ours
	if last == 0 {
		last = now.revision - 1 // one at once, so the viewer knows that it works
	}
	to, err := s.newStream(w, r)
	if err != nil {
		return nil // the viewer is gone
	}
	for {
		now, next := s.follows.of(now.study.ID).current() // a new one, if the last was forgotten
		if now == nil || now.revision == last {
			if !await(to, next) {
				return nil
			}
			continue
		}
		last = now.revision
		if to.send("change", strconv.FormatInt(last, 10), now.change()) != nil || !await(to, time.After(eventPause)) {
			return nil
		}
	}
}

// A listChange is one study in an event about all of them.
type listChange struct {
	ID     int64          `json:"id"`
	Counts map[string]int `json:"counts"`
	Best   plot.Float     `json:"best"`
}

// listEvents tells a viewer when any study has changed.
func (s *Server) listEvents(w http.ResponseWriter, r *http.Request) error {
	to, err := s.newStream(w, r)
	if err != nil {
		return nil
	}
	stamp, shown := "", ""
	for {
		// The stamp first, so what is written meanwhile is compared the next time. Only files have one.
		if now := stampOf(s.cfg.Path); now != stamp || s.cfg.Storage != nil {
			stamp = now
			rows, err := s.list.all(r.Context(), s.cfg.Study)
			if err != nil {
				rows = nil // the page says why
			}
			list := []listChange{}
			for _, row := range rows {
				list = append(list, row.change())
			}
			if text := fmt.Sprint(list, err); text != shown {
				shown = text
				if err := to.send("change", "", list); err != nil {
					return nil
				}
			}
		}
		if !await(to, time.After(listEvery)) {
			return nil
		}
	}
}

func (row studyRow) change() listChange {
	c := listChange{ID: row.ID, Counts: map[string]int{}, Best: plot.Float(math.NaN())}
	for state, n := range row.States {
		c.Counts[state.String()] = n
	}
	if row.Best != nil {
		c.Best = plot.Float(row.Best.Values[0])
	}
	return c
}
