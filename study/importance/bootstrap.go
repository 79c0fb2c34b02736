package importance

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"github.com/bluefin-hpo/bluefin/trial"
)

// An Interval is the importance of one parameter with its uncertainty.
type Interval struct {
	Importance         // normalized: its share of the importance of all parameters
	Low, High  float64 // what it may be with 90 % confidence, in [0, 1]
}

// Bootstrap measures h with e, and again with n histories of as many trials that are drawn from
// those of h with replacement. It returns the parameters with 90 % intervals, largest first. The
// result is a function of the arguments. With n = 0 the intervals are points.
//
// An interval has the 5 % and the 95 % quantile of the resampled shares, and what is as far from the
// share on its other side. The quantiles alone lie too high for parameters that do not matter,
// because repeated trials look more concentrated than new ones would. Of a function of six floats,
// the intervals of PEDANOVA contained the share that 20,000 trials show in 82 % of the cases after 30
// trials, and in 92 to 98 % after 100, 300 and 1,000.
//
// Of a FANOVA each resample grows one tree. Trees differ more than forests, so the intervals are wide
// rather than narrow.
func Bootstrap(e Evaluator, h trial.History, objective, n int, seed uint64) ([]Interval, error) {
	if n < 0 {
		return nil, fmt.Errorf("the number of resamples is %d, want at least 0", n)
	}
	m, err := e.prepare(h, objective)
	if err != nil {
		return nil, err
	}
	shares := map[string][]float64{} // by parameter, one for each resample
	for _, list := range m.resampled(n, seed) {
		for _, i := range Normalized(list) {
			shares[i.Name] = append(shares[i.Name], i.Value)
		}
	}
	var list []Interval
	for _, i := range Normalized(m.whole()) {
		s := shares[i.Name]
		v := Interval{i, i.Value, i.Value}
		if n > 0 {
			slices.Sort(s)
			low, high := s[n*5/100], s[n-1-n*5/100]
			v.Low, v.High = max(0, min(low, 2*i.Value-high)), min(1, max(high, 2*i.Value-low))
		}
		list = append(list, v)
	}
	return list, nil
}

// resampled measures n resamples, each with a random stream of its own.
func (m measure) resampled(n int, seed uint64) [][]Importance {
	lists := make([][]Importance, n)
	parallel(n, func(k int) {
		r := rand.New(rand.NewPCG(seed, uint64(k)))
		counts := make([]int, m.trials)
		for range counts {
			counts[r.IntN(len(counts))]++
		}
		lists[k] = m.resample(counts)
	})
	return lists
}

// parallel calls do for 0 to n-1, on all processors.
func parallel(n int, do func(i int)) {
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
}
