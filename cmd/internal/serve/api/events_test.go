package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A stream reads server-sent events.
type stream struct {
	tb     testing.TB
	events chan event
	close  func()
}

type event struct {
	ID, Name string
	Data     struct {
		Revision int64
		Trials   []struct {
			Number int
			State  string
			Values []any
		}
		Type string
	}
}

// listen opens the stream of a study, after the event of an ID unless it is empty.
func (c client) listen(study, last string) stream {
	c.tb.Helper()
	r, err := http.NewRequest("GET", c.url+"/v1/studies/"+study+"/events", nil)
	if err != nil {
		c.tb.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.tb.Fatal(err)
	}
	if kind := answer.Header.Get("Content-Type"); answer.StatusCode != 200 || kind != "text/event-stream" {
		c.tb.Fatalf("got %s %s", answer.Status, kind)
	}
	s := stream{c.tb, make(chan event, 100), func() { _ = answer.Body.Close() }}
	go func() {
		defer close(s.events)
		var e event
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			name, text, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.ID = text
			case "event":
				e.Name = text
			case "data":
				if err := json.Unmarshal([]byte(text), &e.Data); err != nil {
					c.tb.Errorf("%v: %s", err, text)
				}
			case "":
				if e.Name != "" {
					s.events <- e
				}
				e = event{}
			}
		}
	}()
	c.tb.Cleanup(s.close)
	return s
}

// next returns the next event, which has the name.
func (s stream) next(name string) event {
	s.tb.Helper()
	select {
	case e, ok := <-s.events:
		if !ok || e.Name != name {
			s.tb.Fatalf("got %+v, %v, want %s", e, ok, name)
		}
		return e
	case <-time.After(15 * time.Second):
		s.tb.Fatalf("there is no event %s", name)
		return event{}
	}
}

// changes returns the last states of the trials of the events until one has the state.
func (s stream) until(state string) (map[int]string, string) {
	s.tb.Helper()
	seen := map[int]string{}
	for {
		e := s.next("change")
		for _, t := range e.Data.Trials {
			seen[t.Number] = t.State
			if t.State == state {
				return seen, e.ID
			}
		}
	}
}

func TestEvents(t *testing.T) {
	c := serve(t)
	c.want(201, "POST", "/v1/studies", `{"name": "s", `+xSpace+`}`)
	c.want(200, "POST", "/v1/studies/s/ask", `{}`)
	one, two := c.listen("s", ""), c.listen("s", "0")
	if e := one.next("hello"); e.Data.Revision == 0 || e.ID != fmt.Sprint(e.Data.Revision) {
		t.Errorf("got %+v", e)
	}
	two.next("hello")
	if e := two.next("change"); len(e.Data.Trials) != 1 || e.Data.Trials[0].State != "running" {
		t.Errorf("one who asks for all from the start: got %+v", e)
	}
	c.want(200, "POST", "/v1/studies/s/trials/0/tell", `{"value": "Infinity"}`)
	for _, s := range []stream{one, two} {
		e := s.next("change")
		if len(e.Data.Trials) != 1 || e.Data.Trials[0].State != "complete" || fmt.Sprint(e.Data.Trials[0].Values) != "[Infinity]" {
			t.Errorf("got %+v", e)
		}
	}
	// One who comes back misses nothing and sees nothing twice.
	_, last := func() (map[int]string, string) {
		c.want(201, "POST", "/v1/studies/s/enqueue", `{"params": {"x": 0.5}}`)
		return one.until("waiting")
	}()
	one.close()
	c.want(200, "POST", "/v1/studies/s/ask", `{}`)
	c.want(200, "POST", "/v1/studies/s/trials/1/tell", `{"state": "fail", "reason": "x"}`)
	again := c.listen("s", last)
	again.next("hello")
	if e := again.next("change"); len(e.Data.Trials) != 1 || e.Data.Trials[0].Number != 1 || e.Data.Trials[0].State != "fail" {
		t.Errorf("got %+v", e)
	}
	c.problem(400, "invalid", "want the id of an event", "GET", "/v1/studies/s/events", "", "Last-Event-ID", "x")
	c.problem(404, "not-found", "", "GET", "/v1/studies/none/events", "")
	c.want(204, "DELETE", "/v1/studies/s", "")
	for range 20 { // what happened before may come first
		select {
		case e, ok := <-again.events:
			if !ok {
				t.Fatal("the stream of a deleted study ended without a word")
			}
			if e.Name == "end" {
				if e.Data.Type != "urn:bluefin:not-found" {
					t.Errorf("got %+v", e)
				}
				return
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the stream of a deleted study does not end")
		}
	}
}

// Readers that leave, leave nothing behind.
func TestReadersWhoLeave(t *testing.T) {
	c := serve(t)
	c.want(201, "POST", "/v1/studies", `{"name": "s", `+xSpace+`}`)
	c.listen("s", "").next("hello")
	before := runtime.NumGoroutine()
	for range 5 {
		var open []stream
		for range 20 {
			open = append(open, c.listen("s", ""))
		}
		c.want(200, "POST", "/v1/studies/s/ask", `{}`)
		for _, s := range open {
			s.next("hello")
			s.next("change")
			s.close()
		}
	}
	http.DefaultClient.CloseIdleConnections()
	for range 100 {
		if runtime.NumGoroutine() < before+10 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("there were %d goroutines and are %d", before, runtime.NumGoroutine())
}
