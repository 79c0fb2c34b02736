package plot_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

var minimize = []trial.Direction{trial.Minimize}

// random returns a history of n trials of all states, which finished in random order.
func random(seed uint64, n int, directions ...trial.Direction) trial.History {
	r := rand.New(rand.NewPCG(seed, 1))
	log := trial.NewLog(directions)
	for _, number := range r.Perm(n) {
		t := &trial.Trial{Number: number, State: trial.State(r.IntN(4))}
		x := r.Float64()
		t.Params = []trial.Param{{Name: "x", Value: x, Dist: space.Float{Low: 0, High: 1}}}
		if t.State == trial.Complete {
			for k := range directions {
				t.Values = append(t.Values, math.Abs(x-float64(k))+math.Floor(10*r.Float64())/10)
			}
			switch r.IntN(20) {
			case 0:
				t.Values[0] = math.Inf(1 - 2*r.IntN(2))
			case 1:
				t.Constraints = map[string]float64{"c": 1}
			}
		}
		log.Put(t)
	}
	return log.History()
}

func numbers(trials []*trial.Trial) []int {
	list := make([]int, len(trials))
	for i, t := range trials {
		list[i] = t.Number
	}
	return list
}

// must returns what Thin promises to keep.
func must(h trial.History) []int {
	all := slices.Sorted(slices.Values(numbers(h.Finished())))
	list := []int{all[0], all[len(all)-1]}
	for k, d := range h.Directions() {
		best := math.NaN()
		for number := range all[len(all)-1] + 1 {
			i := slices.IndexFunc(h.Finished(), func(u *trial.Trial) bool { return u.Number == number })
			if i < 0 || h.Finished()[i].State != trial.Complete || h.Finished()[i].Violation() > 0 {
				continue
			}
			if v := h.Finished()[i].Values[k]; d.Better(v, best) {
				best = v
				list = append(list, number)
			}
		}
	}
	if best, ok := h.Best(); ok {
		list = append(list, best.Number)
	}
	if len(h.Directions()) > 1 {
		list = append(list, numbers(h.ParetoFront())...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

func TestThinKeepsWhatItPromises(t *testing.T) {
	for seed := range uint64(60) {
		directions := []trial.Direction{trial.Direction(seed % 2)}
		if seed%3 == 0 {
			directions = append(directions, trial.Maximize)
		}
		h := random(seed, 20+int(seed)*17, directions...)
		keep := must(h)
		for _, n := range []int{len(keep), len(keep) + 5, len(h.Finished()) / 2, len(h.Finished()) - 1, len(h.Finished()), 1 << 40} {
			thin := plot.Thin(h, n)
			got := numbers(thin.Finished())
			if want := min(n, len(h.Finished())); len(got) != want {
				t.Fatalf("seed %d: %d finished trials of %d, want %d", seed, len(got), len(h.Finished()), want)
			}
			if n >= len(keep) {
				for _, number := range keep {
					if !slices.Contains(got, number) {
						t.Fatalf("seed %d, %d of %d: trial %d is missing", seed, n, len(h.Finished()), number)
					}
				}
			}
			if !slices.Equal(thin.Running(), h.Running()) {
				t.Fatalf("seed %d: other running trials", seed)
			}
			best, _ := h.Best()
			if b, _ := thin.Best(); b != best {
				t.Fatalf("seed %d: another best trial", seed)
			}
			// In the order in which they finished, and the same records.
			i := 0
			for _, u := range h.Finished() {
				if i < len(got) && thin.Finished()[i] == u {
					i++
				}
			}
			if i != len(got) {
				t.Fatalf("seed %d: the order has changed", seed)
			}
			if again := numbers(plot.Thin(h, n).Finished()); !slices.Equal(got, again) {
				t.Fatalf("seed %d: another sample the second time", seed)
			}
			// A smaller sample is a part of a larger one.
			for _, m := range []int{0, 1, 2, n / 2, n - 1} {
				if a, b := plot.Thin(thin, m).Finished(), plot.Thin(h, m).Finished(); m < n && !slices.Equal(a, b) {
					t.Fatalf("seed %d: %v of %d, want %v", seed, numbers(a), n, numbers(b))
				}
			}
		}
	}
}

// More trials were the best so far than fit: the best, the first and the last stay.
func TestThinOfASteadyDescent(t *testing.T) {
	log := trial.NewLog(minimize)
	for i := range 1000 {
		log.Put(&trial.Trial{Number: i, State: trial.Complete, Values: []float64{-float64(i % 999)}})
	}
	h := log.History()
	if got := numbers(plot.Thin(h, 3).Finished()); !slices.Equal(got, []int{0, 998, 999}) {
		t.Errorf("three are %v, want the first, the best and the last", got)
	}
	if got := numbers(plot.Thin(h, 1).Finished()); !slices.Equal(got, []int{998}) {
		t.Errorf("one is %v, want the best", got)
	}
	for _, n := range []int{0, -1} {
		if got := plot.Thin(h, n).Finished(); len(got) != 0 {
			t.Errorf("%d are %v, want none", n, numbers(got))
		}
	}
	if got := plot.Thin(trial.NewLog(minimize).History(), 0); len(got.Finished()) != 0 {
		t.Error("an empty history has trials")
	}
}

// The sample is even over the numbers, and over what takes turns with any period.
func TestThinIsEven(t *testing.T) {
	log := trial.NewLog(minimize)
	const n, kept = 20_000, 5_000
	for i := range n {
		log.Put(&trial.Trial{Number: i, State: trial.Pruned})
	}
	got := numbers(plot.Thin(log.History(), kept).Finished())
	for start := 0; start+1000 <= n; start += 1000 {
		count := 0
		for _, number := range got {
			if start <= number && number < start+1000 {
				count++
			}
		}
		if count < 235 || count > 265 {
			t.Errorf("from %d on %d of 1000 are kept, want about 250", start, count)
		}
	}
	for period := 2; period <= 16; period++ {
		counts := make([]int, period)
		for _, number := range got {
			counts[number%period]++
		}
		for i, count := range counts {
			if want := kept / float64(period); math.Abs(float64(count)-want) > 6*math.Sqrt(want) {
				t.Errorf("%d of the numbers with remainder %d by %d, want about %.0f", count, i, period, want)
			}
		}
	}
}

// As a study grows, hardly anything returns to the sample, so a live picture does not flicker.
func TestThinIsSteady(t *testing.T) {
	h := random(7, 3000, trial.Minimize)
	left, returned := map[int]bool{}, 0
	var before []int
	for n := 600; n < len(h.Finished()); n += 10 {
		got := numbers(plot.Thin(h.Before(n), 500).Finished())
		for _, number := range got {
			if left[number] {
				returned++
			}
		}
		for _, number := range before {
			if !slices.Contains(got, number) {
				left[number] = true
			}
		}
		before = got
	}
	if len(left) < 500 || returned > 20 {
		t.Errorf("%d trials left the sample and %d were in it again, want many and hardly any", len(left), returned)
	}
}

func TestWhereFiltersFinishedAndRunningTrials(t *testing.T) {
	h := random(3, 100, trial.Minimize)
	even := plot.Where(h, func(u *trial.Trial) bool { return u.Number%2 == 0 })
	if got, want := len(even.Finished())+len(even.Running()), 50; got != want {
		t.Errorf("%d trials, want %d", got, want)
	}
	if len(even.Running()) == 0 || !slices.Equal(even.Directions(), h.Directions()) {
		t.Error("no running trial, or other directions")
	}
}
