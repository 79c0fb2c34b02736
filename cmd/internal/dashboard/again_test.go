package dashboard

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// Optuna gives the ID of a deleted study to the next one.
func TestAStudyThatIsMadeAgain(t *testing.T) {
	db, s := openTest(t, Config{})
	old := importTest(t, db, "a", complete(2, 0.125, 1, 0), complete(1, 0.25, 1, 0), complete(3, 0.5, 1, 0))
	for _, target := range []string{"/studies/1", "/studies/1/trials/0", "/"} {
		page(t, s, target)
	}
	if err := db.Delete(t.Context(), old.ID); err != nil {
		t.Fatal(err)
	}
	outsider, err := sql.Open("sqlite", s.cfg.Path+"?_pragma=busy_timeout(20000)")
	if err != nil {
		t.Fatal(err)
	}
	defer outsider.Close()
	if _, err := outsider.Exec(`BEGIN IMMEDIATE; INSERT INTO studies VALUES (1, 'a'); INSERT INTO study_directions VALUES (1, 'MINIMIZE', 1, 0);
		INSERT INTO trials VALUES (1, 0, 1, 'COMPLETE', '2026-01-01 10:00:00.000001', '2026-01-01 10:00:02.5');
		INSERT INTO trial_values VALUES (1, 1, 0, 0.0625, 'FINITE'); COMMIT`); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool {
		r := get(t, s, "/studies/1/trials.csv")
		text := body(t, r)
		return strings.Contains(text, "0.0625") && strings.Count(text, "\n") == 2
	})
	if text := page(t, s, "/"); !strings.Contains(text, "0.0625") {
		t.Errorf("the list shows the old study: %s", text)
	}
	if text := page(t, s, "/studies/1/trials/0"); strings.Contains(text, "0.125") {
		t.Errorf("the page of the trial shows the old one: %s", text)
	}
}

// A file without our tables is read again after it has changed, and only then.
func TestAFileOfOptunaIsReadOncePerChange(t *testing.T) {
	db, s := openTest(t, Config{})
	importTest(t, db, "a", complete(2, 0.125, 1, 0))
	outsider, err := sql.Open("sqlite", s.cfg.Path+"?_pragma=busy_timeout(20000)")
	if err != nil {
		t.Fatal(err)
	}
	defer outsider.Close()
	rows, err := outsider.Query(`SELECT type || ' ' || name FROM sqlite_master
		WHERE name LIKE 'bluefin%' AND type IN ('table', 'trigger') ORDER BY type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	var drop []string
	for rows.Next() {
		var what string
		if err := rows.Scan(&what); err != nil {
			t.Fatal(err)
		}
		drop = append(drop, "DROP "+what)
	}
	if _, err := outsider.Exec(strings.Join(drop, "; ")); err != nil || len(drop) < 5 {
		t.Fatal(drop, err)
	}
	page(t, s, "/studies/1")
	time.Sleep(2 * time.Second) // it may be read once more
	f := s.follows.of(1)
	before, _ := f.current()
	time.Sleep(2 * time.Second)
	if now, _ := f.current(); now != before {
		t.Errorf("revision %d, then %d, though nothing has changed", before.revision, now.revision)
	}
	if _, err := outsider.Exec(`UPDATE trial_values SET value = 0.0625`); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return strings.Contains(page(t, s, "/studies/1"), "0.0625") })
}

func TestHeadersOfAStreamEnd(t *testing.T) {
	db, s := openTest(t, Config{})
	importTest(t, db, "a", complete(2, 0.125, 1, 0))
	for _, target := range []string{"/api/events", "/api/studies/1/events"} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			r := httptest.NewRequest(http.MethodHead, target, nil)
			r.Host = "localhost"
			s.ServeHTTP(httptest.NewRecorder(), r)
		}()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Errorf("HEAD %s does not end", target)
		}
	}
}

func TestAPanicOfASamplerIsSaid(t *testing.T) {
	var k whys
	one := k.of(whyKey{}, func() *why { panic("oh") })
	<-one.done
	if one.why == nil || one.why.Problem != "The sampler failed: oh." {
		t.Errorf("got %+v", one.why)
	}
}
