package importance

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// draws returns a history of n random trials of d floats, of which the first two matter.
func draws(n, d int, seed uint64) trial.History {
	r := rand.New(rand.NewPCG(seed, 1))
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	for i := range n {
		t := &trial.Trial{Number: i, State: trial.Complete}
		for k := range d {
			t.Params = append(t.Params, trial.Param{Name: string(rune('a' + k)), Value: r.Float64(), Dist: space.Float{High: 1}})
		}
		x, y := t.Params[0].Value, t.Params[1].Value
		t.Values = []float64{3*(x-0.3)*(x-0.3) + (y-0.6)*(y-0.6) + 0.05*r.NormFloat64()}
		log.Put(t)
	}
	return log.History()
}

// Counting trials is the same as measuring a history in which they are repeated.
func TestAMeasureCountsTrials(t *testing.T) {
	h := draws(80, 4, 1)
	m, err := PEDANOVA{}.prepare(h, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(2, 2))
	for range 20 {
		n := m.trials
		counts, log := make([]int, n), trial.NewLog(h.Directions())
		for number := range n {
			i := r.IntN(n)
			u := *h.Finished()[i]
			u.Number = number
			counts[i]++
			log.Put(&u)
		}
		want, err := PEDANOVA{}.Of(log.History(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.resample(counts); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

// With more trials the intervals become narrow, and they contain what 20,000 trials say.
func TestIntervalsAreSure(t *testing.T) {
	truth, err := PEDANOVA{}.Of(draws(20000, 6, 9), 0)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]float64{}
	for _, i := range Normalized(truth) {
		want[i.Name] = i.Value
	}
	inside, total, widths := 0, 0, map[int]float64{}
	for _, n := range []int{50, 400} {
		for seed := range uint64(10) {
			list, err := Bootstrap(PEDANOVA{}, draws(n, 6, seed), 0, 100, seed)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range list {
				if !(0 <= i.Low && i.Low <= i.Value && i.Value <= i.High && i.High <= 1) {
					t.Fatalf("%d trials: %+v", n, i)
				}
				total++
				if w := want[i.Name]; i.Low <= w && w <= i.High {
					inside++
				}
				widths[n] += (i.High - i.Low) / 60
			}
		}
	}
	if inside < total*85/100 || inside == total {
		t.Errorf("%d of %d intervals contain the importance, want about 90 %%", inside, total)
	}
	if widths[50] < 2*widths[400] {
		t.Errorf("the mean width by the number of trials is %v, want it to shrink", widths)
	}
	t.Logf("%d of %d, widths %v", inside, total, widths)
}

func TestBootstrapIsAFunctionOfItsArguments(t *testing.T) {
	h := draws(60, 3, 1)
	call := func(n int, seed uint64) []Interval {
		list, err := Bootstrap(PEDANOVA{}, h, 0, n, seed)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if first := call(20, 1); !slices.Equal(first, call(20, 1)) || slices.Equal(first, call(20, 2)) {
		t.Errorf("the seed does not decide: %v, %v, %v", first, call(20, 1), call(20, 2))
	}
	for _, i := range call(0, 1) {
		if i.Low != i.Value || i.High != i.Value {
			t.Errorf("without resamples: %+v", i)
		}
	}
	if _, err := Bootstrap(PEDANOVA{}, h, 0, -1, 1); err == nil {
		t.Error("-1 resamples pass")
	}
}

// What a dashboard shows of a large study: a hundred resamples of 20,000 trials with 10 parameters.
func BenchmarkBootstrap(b *testing.B) {
	h := draws(20000, 10, 1)
	for b.Loop() {
		if _, err := Bootstrap(PEDANOVA{}, h, 0, 100, 1); err != nil {
			b.Fatal(err)
		}
	}
}

// A range that changes with every trial must not make a large study slow.
func TestRegimesOfManyRanges(t *testing.T) {
	var c column
	for i := range 20_000 {
		var d space.Dist = space.Float{High: 1 + float64(i)}
		switch i % 4 {
		case 0:
			d = space.Int{High: 5 + i%8/4, Step: 2} // up to 4 or 6
		case 1:
			d = space.Choose("a", "b").Dist()
		}
		c.trials, c.params = append(c.trials, i), append(c.params, trial.Param{Name: "p", Dist: d})
	}
	start := time.Now()
	var sizes []int
	for _, r := range regimes(c) {
		sizes = append(sizes, len(r.trials))
	}
	slices.Sort(sizes)
	if !slices.Equal(sizes, []int{2500, 2500, 5000}) {
		t.Errorf("the regimes have %v trials, want 2500 with each int range and 5000 with choices", sizes)
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}
