package dashboard

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/remote"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A storage that is open already, here one over HTTP, is shown, followed and changed like a file.
func TestStoragesThatAreOpen(t *testing.T) {
	file, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"), sqlite.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	server := httptest.NewServer(remote.Handler(file))
	defer server.Close()
	db, err := remote.Open(t.Context(), server.URL, remote.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	study, err := db.Create(t.Context(), "a", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	add := func(value float64) {
		t.Helper()
		_, err := file.Add(t.Context(), study.ID, &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{value},
			Params: []trial.Param{{Name: "x", Value: value, Dist: space.Float{High: 9}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	add(5.5)
	s, err := New(t.Context(), Config{Path: server.URL, Storage: db, Word: `"$BLUEFIN_STORAGE"`, AllowWrite: true})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) string {
		t.Helper()
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://localhost:8080"+path, nil)
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	if page := get("/"); !strings.Contains(page, server.URL) || !strings.Contains(page, "5.5") {
		t.Errorf("the list of studies is %s", page)
	}
	if page := get("/studies/1/trials/0"); !strings.Contains(page, "--storage &#34;$BLUEFIN_STORAGE&#34;") {
		t.Errorf("the page of trial 0 is %s", page)
	}
	add(2.25)
	deadline := time.Now().Add(20 * time.Second)
	for !strings.Contains(get("/studies/1/trials"), "2.25") {
		if time.Now().After(deadline) {
			t.Fatal("the page does not follow the storage")
		}
		time.Sleep(50 * time.Millisecond)
	}
	names := storage.StudyUpdate{SystemAttrs: map[string]json.RawMessage{"study:metric_names": json.RawMessage(`["later"]`)}}
	if err := file.WriteStudy(t.Context(), study.ID, names); err != nil {
		t.Fatal(err)
	}
	// Attributes have no revision.
	for !strings.Contains(get("/studies/1"), "later") {
		if time.Now().After(deadline) {
			t.Fatal("the page does not follow the attributes")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := db.Studies(t.Context()); err != nil {
		t.Errorf("the storage stays open: %v", err)
	}
}
