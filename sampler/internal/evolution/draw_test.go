package evolution

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cma"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestDrawsOfAGenerationAreSpreadEvenly(t *testing.T) {
	state := cma.New(cma.NewConstants(3, 8), []float64{0.5, 0.5, 0.5}, 0.1, nil)
	for scramble := range uint64(50) {
		e := search{state: state, scramble: scramble}
		var eighths [3][8]int
		for k := range 8 {
			for i, z := range e.spread(k, nil) {
				eighths[i][int(8*distuv.UnitNormal.CDF(z))]++
			}
		}
		if want := [8]int{1, 1, 1, 1, 1, 1, 1, 1}; eighths != [3][8]int{want, want, want} {
			t.Fatalf("of 8 points the eighths of each coordinate have %v, want one in each", eighths)
		}
	}
}

func TestEachDrawAloneIsNormal(t *testing.T) {
	const n = 20_000
	state := cma.New(cma.NewConstants(3, 8), []float64{0.5, 0.5, 0.5}, 0.1, nil)
	for _, index := range []int{0, 1, 7, 1000} {
		var sum, squares, product, far float64
		for k := range uint64(n) {
			z := search{state: state, scramble: scrambleOf(&trial.Trial{}, int(k))}.spread(index, nil)
			sum += z[0] / n
			squares += z[0] * z[0] / n
			product += z[0] * z[2] / n
			if math.Abs(z[1]) > 2 {
				far += 1.0 / n
			}
		}
		if math.Abs(sum) > 0.03 || math.Abs(squares-1) > 0.05 || math.Abs(product) > 0.03 || math.Abs(far-0.0455) > 0.006 {
			t.Errorf("point %d has mean %v, variance %v, covariance %v, and is beyond 2 with probability %v; want 0, 1, 0, 0.0455",
				index, sum, squares, product, far)
		}
	}
}

// The first trial is often queued: it says nothing of the seed.
func TestStudiesWithTheSameFirstTrialDiffer(t *testing.T) {
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	log.Put(&trial.Trial{State: trial.Complete, Values: []float64{1}, Params: []trial.Param{{Name: "x", Value: 0.3, Dist: space.Float{High: 1}}}})
	draw := func(seed uint64) string {
		return fmt.Sprint(new(Strategy).Draw(log.History(), nil, &trial.Trial{Number: 1}, rand.New(rand.NewPCG(seed, 1))))
	}
	if a, b := draw(1), draw(2); a == b {
		t.Errorf("both draw %v", a)
	}
}

func TestGenerationsAndStudiesAreScrambledDifferently(t *testing.T) {
	at := func(x float64) *trial.Trial { return &trial.Trial{Params: []trial.Param{{Name: "x", Value: x}}} }
	seen := map[uint64]bool{}
	for _, s := range []uint64{scrambleOf(at(0), 8), scrambleOf(at(0), 16), scrambleOf(at(1), 8), scrambleOf(at(math.Copysign(0, -1)), 8)} {
		seen[s] = true
	}
	if again := scrambleOf(at(1), 8); len(seen) != 4 || !seen[again] {
		t.Errorf("%d different numbers of 4", len(seen))
	}
}

// A trial whose worker died before it drew is restarted after others have
// finished: its number is lower than theirs.
func TestATrialThatIsRestartedLateIsDrawnToo(t *testing.T) {
	s := &Strategy{}
	h := run(t, s, 1, 2, 100, slope)
	if values := s.Draw(h, nil, &trial.Trial{Number: 3}, rand.New(rand.NewPCG(1, 2))); len(values) != 2 {
		t.Errorf("drew %v, want two values", values)
	}
}

func TestEvenDrawsSaveTrials(t *testing.T) {
	ellipsoid := func(x []float64) float64 {
		sum := 0.0
		for i, u := range x {
			sum += math.Pow(1e3, float64(i)/float64(len(x)-1)) * (u - 0.4) * (u - 0.4)
		}
		return sum
	}
	var even, independent []float64
	for seed := range uint64(15) {
		even = append(even, gap(run(t, &Strategy{}, seed, 8, 600, ellipsoid)))
		independent = append(independent, gap(run(t, &Strategy{Optuna: true}, seed, 8, 600, ellipsoid)))
	}
	slices.Sort(even)
	slices.Sort(independent)
	t.Logf("median gap after 600 trials: %.3g, with independent draws %.3g", even[7], independent[7])
	if even[7] > independent[7]/2 {
		t.Errorf("median gap is %v, with independent draws %v: want less than half", even[7], independent[7])
	}
}
