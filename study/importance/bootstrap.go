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
	Low, High  float64 // the 5 % and the 95 % quantile of the resampled shares
}

// Bootstrap measures h with e, and again with n histories of as many trials that are drawn from
// those of h with replacement. It returns the parameters with 90 % intervals, largest first. The
// result is a function of the arguments. With n = 0 the intervals are points.
//
// Of a FANOVA each resample grows one tree. Most differ more than forests would, so the intervals are
// wide rather than narrow.
//
// An importance that would change with a few other trials gets a wide interval. Repeated trials
// look a little more concentrated than new ones would, so the intervals of unimportant parameters
// tend to lie high; they are widened to contain the importance itself.
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
			v.Low, v.High = min(i.Value, s[n*5/100]), max(i.Value, s[n-1-n*5/100])
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
