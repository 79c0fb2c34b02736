package storage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
	"github.com/bluefin-hpo/bluefin/trial"
)

var porters = map[string]func(*testing.T) storage.Porter{
	"Memory": func(*testing.T) storage.Porter { return &storage.Memory{} },
	"sqlite": func(t *testing.T) storage.Porter {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "study.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	},
}

// history gathers the trials as a study does.
func history(t *testing.T, s storage.Storage, study storage.Study) trial.History {
	t.Helper()
	c, err := s.Since(t.Context(), study.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	log := trial.NewLog(study.Directions)
	for _, tr := range c.Trials {
		log.Put(tr)
	}
	return log.History()
}

// told is what a history tells.
func told(h trial.History) string {
	text := fmt.Sprint(h.Directions(), h.Space(), h.RankedSpace())
	if best, ok := h.Best(); ok {
		text += fmt.Sprint(" best ", best.Number)
	}
	for _, tr := range h.Finished() {
		text += "\n" + storagetest.Text(tr)
	}
	return text
}

func TestCopyBetweenAllStorages(t *testing.T) {
	for fromName, newFrom := range porters {
		for toName, newTo := range porters {
			t.Run(fromName+" to "+toName, func(t *testing.T) {
				from, to := newFrom(t), newTo(t)
				s, trials := storagetest.Ported()
				original, err := from.Import(t.Context(), s, trials)
				if err != nil {
					t.Fatal(err)
				}
				// A trial that runs, with what its worker has said.
				if _, err := from.Begin(t.Context(), original.ID, storage.Claim{Lease: storage.Lease{Owner: "w"}}); err != nil {
					t.Fatal(err)
				}
				if err := from.Write(t.Context(), original.ID, 2, storage.Update{Reports: []trial.Report{{Step: 1, Value: 1}}}); err != nil {
					t.Fatal(err)
				}
				for _, to := range []storage.Porter{to, from} { // also within one storage
					copied, err := storage.Copy(t.Context(), from, s.Name, to, "copy")
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(copied.Running, []int{2}) || copied.Trials != 6 || copied.ByID != nil {
						t.Errorf("trial 2 of 6 was running: got %+v", copied)
					}
					c := copied.Study
					if c.Name != "copy" || !reflect.DeepEqual([]any{c.Directions, c.UserAttrs, c.SystemAttrs}, []any{s.Directions, s.UserAttrs, s.SystemAttrs}) {
						t.Errorf("got study %+v, want %+v", c, s)
					}
					a, b := history(t, from, original), history(t, to, c)
					for n := range len(a.Finished()) + 1 {
						if got, want := told(b.Before(n)), told(a.Before(n)); got != want {
							t.Errorf("before %d finished: got\n%s, want\n%s", n, got, want)
						}
					}
					if len(b.Running()) != 0 {
						t.Errorf("%d trials of the copy are running, want none", len(b.Running()))
					}
					_, err = storage.Copy(t.Context(), from, s.Name, to, "copy")
					if !errors.Is(err, storage.ErrExist) {
						t.Errorf("a name that is taken: got %v", err)
					}
				}
				if _, err := storage.Copy(t.Context(), from, "none", to, "other"); !errors.Is(err, storage.ErrNotExist) {
					t.Errorf("no study: got %v", err)
				}
			})
		}
	}
}

func TestCopySaysWhatNamesTrialsByID(t *testing.T) {
	m := &storage.Memory{}
	s := storage.Study{Name: "a", Directions: []trial.Direction{trial.Minimize}, SystemAttrs: map[string]json.RawMessage{}}
	byID := []string{"NSGAIIISampler:parent:2", "NSGAIISampler:parent:1", "dashboard:12:note_str:0", "dashboard:artifacts:12:f00", "preference:skip_trial:3"}
	for _, key := range append([]string{"study:metric_names", "dashboard:note_ver", "dashboard:note_str:0", "preference:is_preferential", "qmc:12"}, byID...) {
		s.SystemAttrs[key] = json.RawMessage("1")
	}
	copied, err := storage.Take(t.Context(), m, s, nil)
	if err != nil || !slices.Equal(copied.ByID, byID) {
		t.Errorf("got %q, %v, want %q", copied.ByID, err, byID)
	}
	if len(copied.Study.SystemAttrs) != len(s.SystemAttrs) {
		t.Errorf("they are copied all the same: got %v", copied.Study.SystemAttrs)
	}
}
