package earlier_test

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/cmd/internal/earlier"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// history returns n trials, of which each fifth is without a value that counts.
func history(n int) trial.History {
	r, log := rand.New(rand.NewPCG(1, 1)), trial.NewLog([]trial.Direction{trial.Maximize})
	lr := space.Float{Low: 1e-5, High: 1, Log: true}
	for i := range n {
		t := &trial.Trial{Number: i, State: trial.Complete, Values: []float64{r.NormFloat64()}, Params: []trial.Param{
			{Name: "lr", Value: lr.Value(r.Float64()), Dist: lr}, {Name: "opt", Value: float64(r.IntN(2)), Dist: space.Choose("a", "b").Dist()}}}
		switch i % 20 {
		case 3:
			t.State, t.Values = trial.Failed, nil
		case 7:
			t.State, t.Values = trial.Pruned, nil
		case 11:
			t.Values[0] = math.NaN()
		case 15:
			t.Constraints = map[string]float64{"memory": 1}
		}
		log.Put(t)
	}
	return log.History()
}

// A study of 10,000 trials is copied in part, the best trial among them, and read as it was written. The
// process that comes second takes the copy of the first.
func TestCopiesAreReadAsTheyWereWritten(t *testing.T) {
	ctx, db, h := context.Background(), new(storage.Memory), history(10_000)
	one, err := earlier.Copy("old.db#a", h)
	if err != nil {
		t.Fatal(err)
	}
	if one.Finished != 10_000 || len(one.Trials) != 400 || !one.Has("lr", space.Float{Low: 1e-9, High: 9, Log: true}) ||
		one.Has("lr", space.Float{Low: 0, High: 1}) {
		t.Errorf("a copy of %d trials has %d, with parameters %v", one.Finished, len(one.Trials), one.Params)
	}
	record, err := db.Create(ctx, "new", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	first := earlier.Copies{Asked: []string{"old.db"}, Studies: []earlier.Study{one}}
	if _, err := first.Save(ctx, db, record); err != nil {
		t.Fatal(err)
	}
	got, err := earlier.Copies{Asked: []string{"other.db"}}.Save(ctx, db, record)
	if err != nil || len(got.Asked) != 1 || got.Asked[0] != "old.db" {
		t.Fatalf("the second process learns from %v, %v; want what the first copied", got.Asked, err)
	}
	histories, err := got.Histories()
	if err != nil {
		t.Fatal(err)
	}
	best, _ := h.Best()
	copied, ok := histories[0].Best()
	if !ok || copied.Values[0] != best.Values[0] || copied.Params[0].Value != best.Params[0].Value {
		t.Errorf("the best copy is %+v, want %+v", copied, best)
	}
	record, _ = db.Load(ctx, "new")
	s, err := earlier.Taught(record, &sampler.TPE{})
	if w, ok := s.(*sampler.WarmStart); err != nil || !ok || len(w.Sources) != 1 || w.Names[0] != "old.db#a" {
		t.Errorf("the sampler of the study is %+v, %v; want one that learns from old.db#a", s, err)
	}
	if s, err = earlier.Taught(record, &sampler.Grid{}); err != nil {
		t.Error(err)
	} else if _, ok := s.(*sampler.Grid); !ok {
		t.Errorf("the sampler is %T, want Grid, which tries every combination", s)
	}
}

func TestDamagedCopiesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{`: "bluefin:earlier",
		`{"studies": [{"from": "o", "params": [{"name": "x", "dist": "{}"}]}]}`:    `the copy of o in attribute bluefin:earlier: parameter "x"`,
		`{"studies": [{"from": "o", "trials": [{"params": [0], "values": []}]}]}`:  "trial 0 has 1 parameters and 0 values",
		`{"studies": [{"from": "o", "trials": [{"params": [4], "values": [1]}]}]}`: "trial 0 has a parameter out of its range",
	} {
		record := storage.Study{Name: "s", SystemAttrs: map[string]json.RawMessage{sysattr.Earlier: json.RawMessage(text)}}
		if _, err := earlier.Taught(record, sampler.Random{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", text, err, want)
		}
	}
}
