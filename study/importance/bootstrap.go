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
// An importance that would change with a few other trials gets a wide interval. Repeated trials
// look a little more concentrated than new ones would, so the intervals of unimportant parameters
// tend to lie high; they are widened to contain the importance itself.
func Bootstrap(e Evaluator, h trial.History, objective, n int, seed uint64) ([]Interval, error) {
	if n < 0 {
		return nil, fmt.Errorf("the number of resamples is %d, want at least 0", n)
	}
	m, trials, err := e.measure(h, objective)
	if err != nil {
		return nil, err
	}
	shares := map[string][]float64{} // by parameter, one for each resample
	for _, list := range resampled(m, trials, n, seed) {
		for _, i := range Normalized(list) {
			shares[i.Name] = append(shares[i.Name], i.Value)
		}
	}
	var list []Interval
	for _, i := range Normalized(m.all(trials)) {
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

// resampled measures n resamples on all processors.
func resampled(m measure, trials, n int, seed uint64) [][]Importance {
	lists := make([][]Importance, n)
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for k := range next {
				r := rand.New(rand.NewPCG(seed, uint64(k)))
				counts := make([]int, trials)
				for range trials {
					counts[r.IntN(trials)]++
				}
				lists[k] = m(counts)
			}
		})
	}
	for k := range n {
		next <- k
	}
	close(next)
	workers.Wait()
	return lists
}
