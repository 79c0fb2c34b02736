package sqlite_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestSomeReadsAStudyInParts(t *testing.T) {
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "s.db"), sqlite.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	make := func(name string, reports int) storage.Study {
		var trials []*trial.Trial
		for i := range 7 {
			one := &trial.Trial{Number: i, State: trial.Complete, Values: []float64{float64(i)},
				Params: []trial.Param{{Name: "x", Value: 0.5, Dist: space.Float{High: 1}}}}
			for step := range reports {
				one.Reports = append(one.Reports, trial.Report{Step: step, Value: float64(i)})
			}
			trials = append(trials, one)
		}
		s, err := db.Import(t.Context(), storage.Snapshot{Study: storage.Study{Name: name, Directions: []trial.Direction{trial.Minimize}}, Trials: trials})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for name, reports := range map[string]int{"with": 3, "without": 0} {
		s := make(name, reports)
		if reported, err := db.Reported(t.Context(), s.ID); err != nil || reported != (reports > 0) {
			t.Errorf("study %q has reports: %v, %v", name, reported, err)
		}
		want, err := db.Since(t.Context(), s.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, whole := range []bool{true, false} {
			var got []*trial.Trial
			for revision := int64(0); ; {
				c, err := db.Some(t.Context(), s.ID, revision, 3, whole)
				if err != nil || len(c.Trials) > 3 {
					t.Fatalf("%d trials at once, %v", len(c.Trials), err)
				}
				if len(c.Trials) == 0 {
					break
				}
				revision, got = c.Revision, append(got, c.Trials...)
			}
			if !whole {
				for _, one := range want.Trials {
					one.Reports = nil
				}
			}
			if !reflect.DeepEqual(got, want.Trials) {
				t.Errorf("study %q, reports %v: the parts are %+v, want %+v", name, whole, got, want.Trials)
			}
		}
	}
	if _, err := db.Some(t.Context(), 99, 0, 3, false); !errors.Is(err, storage.ErrNotExist) {
		t.Errorf("parts of no study: %v", err)
	}
}
