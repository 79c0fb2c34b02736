package storage_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/internal/awkward"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
	"github.com/bluefin-hpo/bluefin/trial"
)

var storages = map[string]func(*testing.T) storage.Storage{
	"Memory": func(*testing.T) storage.Storage { return &storage.Memory{} },
	"sqlite": func(t *testing.T) storage.Storage {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "study.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	},
}

func copyStudy(t *testing.T, from storage.Storage, name string, to storage.Storage, newName string) (storage.Study, error) {
	s, err := from.Export(t.Context(), name)
	if err != nil {
		return storage.Study{}, err
	}
	s.Name = newName
	return to.Import(t.Context(), s)
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
	for fromName, newFrom := range storages {
		for toName, newTo := range storages {
			t.Run(fromName+" to "+toName, func(t *testing.T) {
				from, to := newFrom(t), newTo(t)
				s := awkward.Study()
				original, err := from.Import(t.Context(), s)
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
				for _, to := range []storage.Storage{to, from} { // also within one storage
					c, err := copyStudy(t, from, s.Name, to, "copy")
					if err != nil {
						t.Fatal(err)
					}
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
					_, err = copyStudy(t, from, s.Name, to, "copy")
					if !errors.Is(err, storage.ErrExist) {
						t.Errorf("a name that is taken: got %v", err)
					}
				}
				if _, err := copyStudy(t, from, "none", to, "other"); !errors.Is(err, storage.ErrNotExist) {
					t.Errorf("no study: got %v", err)
				}
			})
		}
	}
}
