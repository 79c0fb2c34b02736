package dashboard

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

// listenTo returns the data of the events at an address.
func listenTo(t *testing.T, url, last string) <-chan string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", last)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 200 || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%s: status %d, %v", url, answer.StatusCode, answer.Header)
	}
	events := make(chan string, 1000)
	go func() {
		defer close(events)
		defer answer.Body.Close()
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				events <- data
			}
		}
	}()
	return events
}

// next returns the next event, which must come soon.
func next(t *testing.T, events <-chan string) string {
	t.Helper()
	select {
	case e, ok := <-events:
		if !ok {
			t.Fatal("the events have ended")
		}
		return e
	case <-time.After(20 * time.Second):
		t.Fatal("no event came")
	}
	return ""
}

func TestEventsTellWhatAnotherConnectionWrites(t *testing.T) {
	db, s := openTest(t, Config{})
	study := importTest(t, db, "a", complete(2, 0.1, 1, 0))
	web := httptest.NewServer(s)
	defer web.Close()
	defer s.End()
	url := fmt.Sprintf("%s/api/studies/%d/events", web.URL, study.ID)
	events, list := listenTo(t, url, ""), listenTo(t, web.URL+"/api/events", "")
	next(t, list)
	var first, second change
	if err := json.Unmarshal([]byte(next(t, events)), &first); err != nil || first.States["COMPLETE"] != 1 || first.Best.Value != 2 {
		t.Fatalf("the first event is %+v, %v", first, err)
	}
	claim := storage.Claim{Lease: storage.Lease{Owner: "w", Duration: time.Minute}}
	began, err := db.Begin(t.Context(), study.ID, claim)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(next(t, events)), &second); err != nil || second.States["RUNNING"] != 1 || second.Revision <= first.Revision {
		t.Fatalf("the second event is %+v, %v", second, err)
	}
	wrote := time.Now()
	if err := db.Write(t.Context(), study.ID, began.Number, storage.Update{State: trial.Complete, Values: []float64{1}}); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(next(t, events)), &second); err != nil || second.States["COMPLETE"] != 2 || second.Best.Value != 1 {
		t.Fatalf("the third event is %+v, %v", second, err)
	}
	t.Logf("a change was seen after %v", time.Since(wrote))
	if a := plotOf(t, s, fmt.Sprintf("/api/studies/%d/plots/history", study.ID)); a.Shown != 2 || a.Revision != second.Revision {
		t.Errorf("the plot then is %+v", a)
	}
	var rows []listChange
	for rows = nil; len(rows) == 0 || rows[0].Counts["COMPLETE"] != 2; {
		if err := json.Unmarshal([]byte(next(t, list)), &rows); err != nil {
			t.Fatal(err)
		}
	}
	// One who has seen the last event waits for the next.
	again := listenTo(t, url, fmt.Sprint(second.Revision))
	drawn := listenTo(t, fmt.Sprintf("%s?since=%d", url, second.Revision), "")
	select {
	case e := <-again:
		t.Errorf("an event that was seen comes again: %s", e)
	case e := <-drawn:
		t.Errorf("a page gets an event of what it shows: %s", e)
	case <-time.After(time.Second):
	}
	late := listenTo(t, url, fmt.Sprint(first.Revision))
	if err := json.Unmarshal([]byte(next(t, late)), &first); err != nil || first.Revision != second.Revision {
		t.Errorf("one who has missed events gets %+v, %v", first, err)
	}
}

func TestStreamsEndWithTheServer(t *testing.T) {
	db, s := openTest(t, Config{})
	importTest(t, db, "a", complete(2, 0.1, 1, 0))
	ctx, cancel := context.WithCancel(t.Context())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve(ctx, l) }()
	events := listenTo(t, "http://"+l.Addr().String()+"/api/studies/1/events", "")
	next(t, events)
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Serve returns %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("a stream keeps the server")
	}
	for range events {
	}
}

func TestAFileThatIsReplacedOrGone(t *testing.T) {
	db, s := openTest(t, Config{})
	importTest(t, db, "before", complete(2, 0.1, 1, 0))
	if text := page(t, s, "/studies/1"); !strings.Contains(text, "before") {
		t.Fatal(text)
	}
	path := s.cfg.Path
	other := path + ".other"
	with, err := sqlite.Open(t.Context(), other, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	importTest(t, with, "after", complete(2, 0.1, 1, 0), complete(1, 0.1, 1, 0))
	if err := with.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(path+suffix, path+".old"+suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	until(t, func() bool {
		r := get(t, s, "/studies/1")
		return r.StatusCode == http.StatusServiceUnavailable && strings.Contains(body(t, r), "The study file is gone")
	})
	if r := get(t, s, "/"); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("the list of a file that is gone: status %d", r.StatusCode)
	}
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { r := get(t, s, "/studies/1"); return strings.Contains(body(t, r), "after") })
	if text := page(t, s, "/"); !strings.Contains(text, "after") || strings.Contains(text, "before") {
		t.Errorf("the list of the new file: %s", text)
	}
}

// until waits for a condition.
func until(t *testing.T, ok func() bool) {
	t.Helper()
	for began := time.Now(); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatal("it did not become so")
		}
	}
}

func TestADeletedStudyIsSaidToBeGone(t *testing.T) {
	db, s := openTest(t, Config{})
	study := importTest(t, db, "a", complete(2, 0.1, 1, 0))
	page(t, s, "/studies/1")
	if err := db.Delete(t.Context(), study.ID); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool {
		r := get(t, s, "/studies/1")
		return r.StatusCode == http.StatusNotFound && strings.Contains(body(t, r), "There is no such study or trial, or no more")
	})
}

func TestALongStudyIsShownWhileItIsLoaded(t *testing.T) {
	db, s := openTest(t, Config{})
	var trials []*trial.Trial
	for i := range 6*partSize + 7 {
		trials = append(trials, complete(float64(i), 0.1, 1, 0))
	}
	importTest(t, db, "long", trials...)
	f := s.follows.of(1)
	seen, loading, late := int64(0), 0, time.After(20*time.Second)
	for all := false; !all; {
		now, next := f.current()
		switch {
		case now == nil:
		case now.err != nil:
			t.Fatal(now.err)
		case now.revision < seen:
			t.Fatalf("revision %d after %d", now.revision, seen)
		case now.loading():
			loading++
		default:
			all = len(now.trials) == len(trials)
		}
		if now != nil {
			seen = now.revision
		}
		select {
		case <-next:
		case <-late:
			t.Fatal("it is still being loaded")
		default:
			if !all {
				time.Sleep(time.Millisecond)
			}
		}
	}
	if loading == 0 {
		t.Error("nothing was shown before all was loaded")
	}
	a := plotOf(t, s, "/api/studies/1/plots/history")
	if a.Trials != len(trials) || a.Shown != len(trials) {
		t.Errorf("the plot has %+v", a)
	}
}

func TestManyViewersAtOnce(t *testing.T) {
	db, s := openTest(t, Config{})
	study := importTest(t, db, "a", table6()...)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 5 {
				for _, target := range []string{"/", "/studies/1", "/studies/1/trials?sort=value", "/studies/1/trials/1", "/api/studies/1/plots/slice",
					"/api/studies/1/plots/importances", "/studies/1/trials.csv"} {
					if r := get(t, s, target); r.StatusCode != 200 {
						t.Errorf("%s: status %d", target, r.StatusCode)
					}
				}
			}
		})
	}
	for i := range 20 {
		claim := storage.Claim{Lease: storage.Lease{Owner: fmt.Sprint(i), Duration: time.Minute}}
		one, err := db.Begin(t.Context(), study.ID, claim)
		if err != nil {
			t.Fatal(err)
		}
		for step := range 3 {
			if err := db.Write(t.Context(), study.ID, one.Number, storage.Update{Reports: []trial.Report{{Step: step, Value: 1}}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Write(t.Context(), study.ID, one.Number, storage.Update{State: trial.Complete, Values: []float64{1}}); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
}

func TestALongStudyIsWholeBeforeItsReportsAre(t *testing.T) {
	db, s := openTest(t, Config{})
	var trials []*trial.Trial
	for i := range partSize + 7 {
		one := complete(float64(i), 0.1, 1, 0)
		for step := range 100 {
			one.Reports = append(one.Reports, trial.Report{Step: step, Value: float64(i)})
		}
		trials = append(trials, one)
	}
	importTest(t, db, "long", trials...)
	f := s.follows.of(1)
	var unreported, whole *snapshot
	for whole == nil {
		now, next := f.current()
		switch {
		case now == nil:
		case now.unreported:
			unreported = now
		case !now.loading():
			whole = now
			continue
		}
		select {
		case <-next:
		case <-time.After(20 * time.Second):
			t.Fatal("it is still being loaded")
		}
	}
	if unreported == nil {
		t.Fatal("nothing was shown without the reports")
	}
	if n := len(unreported.trials); n != len(trials) || unreported.total != 0 {
		t.Fatalf("without reports there are %d trials of %d", n, len(trials))
	}
	for _, one := range []struct {
		now    *snapshot
		curves int
	}{{unreported, 0}, {whole, mostCurves}} {
		r := plotRequest{now: one.now, config: plot.Config{Names: one.now.objectives()}}
		a, err := r.draw("intermediate")
		if err != nil || len(a.Plot.(plot.IntermediatePlot).Curves) != one.curves || a.Loading != (one.curves == 0) {
			t.Errorf("%d curves and loading %v, %v; want %d curves", len(a.Plot.(plot.IntermediatePlot).Curves), a.Loading, err, one.curves)
		}
		if a, err = r.draw("history"); err != nil || a.Shown != len(trials) || a.Loading {
			t.Errorf("the history has %+v, %v", a, err)
		}
		shows := slices.ContainsFunc(figures(one.now), func(f figure) bool { return f.Plot == "intermediate" })
		if !shows || (one.now.progress() != "") != (one.curves == 0) {
			t.Errorf("the page shows reports: %v, and says %q", shows, one.now.progress())
		}
		for _, c := range one.now.columns() {
			if got := c.cell(one.now.trials[5]); c.Key == "reports" && got.missing != (one.curves == 0) {
				t.Errorf("the number of reports is %+v", got)
			}
		}
	}
	for i, one := range whole.trials {
		if was := unreported.trials[i]; one.Number != was.Number || len(one.Reports) != 100 || len(was.Reports) != 0 || len(one.Params) != len(was.Params) {
			t.Fatalf("trial %+v was %+v without reports", one, was)
		}
	}
	// Changes are still seen.
	if _, err := db.Begin(t.Context(), 1, storage.Claim{Lease: storage.Lease{Owner: "w", Duration: time.Minute}}); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { now, _ := f.current(); return len(now.history.Running()) == 1 })
}
