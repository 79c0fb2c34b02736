package bayesopt

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestParametersAreFittedLessOftenAsDataGrow(t *testing.T) {
	fits, last := 0, 0
	for n := 1; n <= 1000; n++ {
		at := lastRefit(n)
		if at < last || at > n || n <= 32 && at != n || float64(n-at) > float64(n)/16+1 {
			t.Errorf("of %d trials, the parameters are fitted to %d", n, at)
		}
		if at != last {
			fits++
		}
		last = at
	}
	if fits > 100 {
		t.Errorf("%d fits in 1000 trials, want at most 100", fits)
	}
}

// The cost of a draw stays bounded in a study that prunes most trials.
func TestForgetsOldPoorTrials(t *testing.T) {
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	for n := range 1000 {
		u := &trial.Trial{Number: n, State: trial.Pruned, Params: []trial.Param{{Name: "x", Value: float64(n) / 1000, Dist: space.Float{High: 1}}}}
		if n%100 == 0 {
			u.State, u.Values = trial.Complete, []float64{1}
		}
		log.Put(u)
	}
	h := log.History()
	g := newData(SpaceOf(h), h.Finished(), trial.Minimize)
	if n := len(g.trials) - 10; n < fewestPoor || n >= fewestPoor+poorBlock {
		t.Errorf("of 990 pruned trials %d count, want at least %d and fewer than %d", n, fewestPoor, fewestPoor+poorBlock)
	}
	if last := g.trials[len(g.trials)-1].Number; last != 999 {
		t.Errorf("the last trial is %d, want 999", last)
	}
}
