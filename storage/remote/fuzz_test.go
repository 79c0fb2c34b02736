package remote_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/remote"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
	"github.com/bluefin-hpo/bluefin/trial"
)

// FuzzHandler: whatever a client sends to a method, the handler neither panics nor takes the fault on itself, and
// afterwards the storage can still be read, also through the handler.
func FuzzHandler(f *testing.F) {
	methods := []string{"Load", "Studies", "Checkpoint", "Since", "Trial", "Extent", "Best", "Export", "Tally", "Some", "Range",
		"Values", "Reported", "Workers", "CheckpointSize", "TrialID", "TrialByID", "Create", "Delete", "WriteStudy", "Add", "Begin",
		"Write", "Import"}
	path := func(method byte) string {
		name := methods[int(method)%len(methods)]
		if i := slices.Index(methods, name); i >= slices.Index(methods, "Create") {
			return remote.Path + "write/" + name
		}
		return remote.Path + "read/" + name
	}
	// A client's own requests are the seeds.
	h := remote.Handler(&storagetest.MemoryViewer{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			f.Error(err)
		}
		for i := range methods {
			if path(byte(i)) == r.URL.Path {
				f.Add(byte(i), body)
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.ServeHTTP(w, r)
	}))
	defer server.Close()
	client, err := remote.Open(f.Context(), server.URL, remote.Options{})
	if err != nil {
		f.Fatal(err)
	}
	fill(f, client)
	if err := client.Close(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method byte, body []byte) {
		db := &storagetest.MemoryViewer{}
		fill(t, db)
		h := remote.Handler(db)
		call := func(path string, body []byte) *httptest.ResponseRecorder {
			r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
			r.Header.Set("Bluefin-Storage", "2")
			r.Header.Set("Bluefin-Key", "aaaaaaaaaaaaaaaaaaaaaaaa")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		if w := call(path(method), body); w.Code >= 500 {
			t.Fatalf("%s %q: status %d: %s", path(method), body, w.Code, w.Body)
		}
		all, err := db.Studies(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			snapshot, err := db.Export(t.Context(), s.Name)
			if err == nil {
				err = snapshot.Check()
			}
			if err != nil {
				t.Errorf("study %q cannot be copied: %v", s.Name, err)
			}
			if w := call(remote.Path+"read/Since", fmt.Appendf(nil, "{\"study\": %d}\n", s.ID)); w.Code != 200 ||
				strings.Contains(w.Body.String(), `"error"`) {
				t.Errorf("study %q cannot be read: %d %.300s", s.Name, w.Code, w.Body)
			}
		}
	})
}

// fill makes a study with a few trials, and calls each method once.
func fill(f testing.TB, v storage.Viewer) {
	ctx := f.Context()
	check := func(err error) {
		f.Helper()
		if err != nil {
			f.Fatal(err)
		}
	}
	s, err := v.Create(ctx, "a", []trial.Direction{trial.Minimize})
	check(err)
	_, err = v.Add(ctx, s.ID, &trial.Trial{Number: -1, State: trial.Complete, Values: []float64{1}})
	check(err)
	t, err := v.Begin(ctx, s.ID, storage.Claim{Lease: storage.Lease{Owner: "me", Duration: 1 << 40}})
	check(err)
	check(v.Write(ctx, s.ID, t.Number, storage.Update{Owner: "me", Reports: []trial.Report{{Step: 1, Value: 2}},
		Checkpoint: &storage.Checkpoint{Step: 1, Data: []byte("data"), Keep: true}}))
	check(v.WriteStudy(ctx, s.ID, storage.StudyUpdate{UserAttrs: map[string]json.RawMessage{"k": json.RawMessage("1")}}))
	_, err = v.Checkpoint(ctx, s.ID, t.Number)
	check(err)
	_, err = v.Since(ctx, s.ID, 0)
	check(err)
	_, err = v.Best(ctx, s.ID)
	check(err)
	snapshot, err := v.Export(ctx, "a")
	check(err)
	snapshot.Name = "b"
	copied, err := v.Import(ctx, snapshot)
	check(err)
	_, err = v.Tally(ctx, s.ID)
	check(err)
	_, err = v.Workers(ctx, s.ID)
	check(err)
	id, err := v.TrialID(ctx, s.ID, 1)
	check(err)
	_, _, err = v.TrialByID(ctx, id)
	check(err)
	check(v.Delete(ctx, copied.ID))
}
