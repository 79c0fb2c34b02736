package sampler

import (
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/tree"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// BruteForce tries every combination of a space that need not be known in advance: it
// learns from the trials which parameters follow which values, and draws only where
// something is left to try. All parameters need finitely many values, and what a trial
// suggests next must be a function of the values that it already has.
//
// Half of its choices are uniform among the values with something left, half are in
// proportion to what is known to be left. It avoids what running trials try while there
// is anything else. Failed and pruned trials have tried their combination. When nothing
// is left, Study.Optimize ends; further Asks return random repeats. Workers that ask at
// the same moment may draw the same. A draw reads the whole history.
type BruteForce struct{}

// Sample returns a value of d in internal form. It fails if d is continuous.
func (BruteForce) Sample(r Request, name string, d space.Dist) (float64, error) {
	if d.Len() == 0 {
		return 0, fmt.Errorf("BruteForce draws %q from %v, want finitely many values: give it a step", name, d)
	}
	others := slices.DeleteFunc(slices.Concat(r.History.Finished(), r.Running()),
		func(t *trial.Trial) bool { return t.Number == r.Trial.Number })
	paths := tree.Beyond(r.Trial.Params, others)
	for _, avoid := range []bool{true, false} {
		if n := tree.NodeOf(paths, name, d, avoid); n.Left() > 0 {
			return n.Draw(r.Rand.Float64(), r.Rand.Float64() < 0.5), nil
		}
	}
	return d.Value(r.Rand.Float64()), nil
}

// Left returns how many combinations are known that no trial of h has tried or is
// trying. An untried value counts as one, since what follows it is unknown. Nothing is
// left if trials have ended and none has a parameter, unless they failed, perhaps before
// they suggested one.
func (BruteForce) Left(h trial.History) int {
	started, failed, ended := 0, false, false
	var some []*trial.Trial // with parameters
	for _, t := range slices.Concat(h.Finished(), h.Running()) {
		switch {
		case len(t.Params) > 0:
			some = append(some, t)
		case t.State == trial.Running:
			started++
		case t.State == trial.Failed:
			failed = true
		default: // the objective suggests nothing
			ended = true
		}
	}
	left := 1.0 // of an unknown space
	switch {
	case len(some) > 0:
		left = tree.Left(tree.Beyond(nil, some), true)
	case ended:
		left = 0
	case failed:
		return math.MaxInt
	}
	return int(min(max(left-float64(started), 0), math.MaxInt32))
}
