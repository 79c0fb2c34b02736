package dashboard

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

// grow puts complete trials of four parameters into a log, of which two matter about equally, and one running trial.
func grow(log *trial.Log, from, to int) *snapshot {
	for i := from; i < to; i++ {
		r := rand.New(rand.NewPCG(7, uint64(i)))
		t := &trial.Trial{Number: i, State: trial.Complete, Start: time.Unix(int64(i), 0), End: time.Unix(int64(i)+1, 0)}
		for _, name := range []string{"a", "b", "c", "d"} {
			t.Params = append(t.Params, trial.Param{Name: name, Value: r.Float64(), Dist: space.Float{High: 1}})
		}
		t.Values = []float64{t.Params[1].Value + t.Params[3].Value + 3*r.NormFloat64()}
		log.Put(t)
	}
	log.Put(&trial.Trial{Number: 1 << 14, State: trial.Running, Start: time.Unix(1e6, 0)})
	study := storage.Study{ID: 1, Name: "s", Directions: []trial.Direction{trial.Minimize}}
	return &snapshot{study: study, history: log.History(), trials: log.Trials()}
}

func TestPairsAreTheMostImportantOfAllTrials(t *testing.T) {
	for n := mostPoints + 1; n < mostPoints+3000; n += 1000 {
		now := grow(trial.NewLog([]trial.Direction{trial.Minimize}), 0, n)
		now.importances = &importances{}
		r := plotRequest{now: now}
		a, err := r.draw("importances")
		if err != nil {
			t.Fatal(err)
		}
		bars := a.Plot.(plot.ImportancePlot).Params
		contour, err := r.draw("contour")
		if err != nil {
			t.Fatal(err)
		}
		rank, err := r.draw("rank")
		if err != nil {
			t.Fatal(err)
		}
		c, k := contour.Plot.(plot.ContourPlot), rank.Plot.(plot.RankPlot)
		got, want := []string{c.X.Name, c.Y.Name, k.X.Name, k.Y.Name}, []string{bars[0].Name, bars[1].Name, bars[0].Name, bars[1].Name}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("of %d trials contour and rank show %q, want %q", n, got, want)
		}
	}
}

func TestImportancesOfARunningStudyAreKeptForAWhile(t *testing.T) {
	log, kept := trial.NewLog([]trial.Direction{trial.Minimize}), &importances{}
	trials := func(now *snapshot) int {
		t.Helper()
		now.importances = kept
		a, err := plotRequest{now: now}.draw("importances")
		if err != nil {
			t.Fatal(err)
		}
		return a.Plot.(plot.ImportancePlot).Trials
	}
	began := time.Now()
	if n := trials(grow(log, 0, 3000)); n != 3000 {
		t.Fatalf("importances of %d trials, want 3000", n)
	}
	var one *keptImportances
	for _, one = range kept.byKey {
	}
	if took := time.Since(began); len(kept.byKey) != 1 || one.until.Before(began.Add(took/4)) || one.until.After(began.Add(10*took)) {
		t.Fatalf("%d importances, which took %v, are kept until %v after that", len(kept.byKey), took, one.until.Sub(began.Add(took)))
	}
	later := grow(log, 3000, 3001)
	one.until = time.Now().Add(time.Hour)
	if n := trials(later); n != 3000 {
		t.Errorf("importances were made again at once, from %d trials", n)
	}
	one.until = time.Now()
	if n := trials(later); n != 3001 {
		t.Errorf("importances are of %d trials, want 3001", n)
	}
	one.until = time.Now().Add(time.Hour)
	// When nothing runs any more, nothing follows that would renew them.
	log.Put(&trial.Trial{Number: 1 << 14, State: trial.Failed, Start: time.Unix(1e6, 0), End: time.Unix(2e6, 0)})
	ended := &snapshot{study: later.study, history: log.History(), trials: log.Trials()}
	last := grow(trial.NewLog([]trial.Direction{trial.Minimize}), 0, 3050)
	last.history = plot.Where(last.history, func(t *trial.Trial) bool { return t.State.Finished() })
	if n := trials(last); n != 3050 {
		t.Errorf("importances of the finished study are of %d trials, want 3050", n)
	}
	if n := trials(ended); n != 3001 {
		t.Errorf("importances are of %d trials, want 3001", n)
	}
}
