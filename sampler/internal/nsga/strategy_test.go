package nsga

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

var unit = space.Float{Low: 0, High: 1}

// completed returns a complete trial with the parameters x0, x1, ….
func completed(number int, x []float64, values ...float64) *trial.Trial {
	t := &trial.Trial{Number: number, State: trial.Complete, Values: values}
	for i, v := range x {
		t.Params = append(t.Params, trial.Param{Name: string(rune('a' + i)), Value: v, Dist: unit})
	}
	return t
}

func strategy(c Crossover) *Strategy {
	return &Strategy{Population: 10, Generation: 1, Crossover: c, CrossoverRate: 0.9, SwapRate: 0.5, MutationEta: 4}
}

func TestCrossoversStayInTheCube(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for c := Uniform; c <= UNDX; c++ {
		for range 500 {
			parents := make([][]float64, c.parents())
			for k := range parents {
				parents[k] = []float64{r.Float64(), math.Round(r.Float64()), r.Float64()}
			}
			for _, u := range c.cross(parents, 0.5, 20, r) {
				if !(0 <= u && u <= 1) {
					t.Fatalf("crossover %d of %v has the coordinate %v, want 0 to 1", c, parents, u)
				}
			}
		}
	}
}

// Each crossover but BLXAlpha, whose box is symmetric too, has the mean of the parents as its mean.
func TestCrossoversKeepTheMean(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for c := Uniform; c <= UNDX; c++ {
		parents := [][]float64{{0.45, 0.52}, {0.55, 0.48}, {0.5, 0.5}}[:c.parents()]
		const n = 20_000
		sum := make([]float64, 2)
		for range n {
			for i, u := range c.cross(parents, 0.5, 20, r) {
				sum[i] += u / n
			}
		}
		for i, m := range sum {
			if math.Abs(m-0.5) > 0.005 {
				t.Errorf("crossover %d: the mean of coordinate %d is %v, want about 0.5", c, i, m)
			}
		}
	}
}

func TestPolynomialMutationStaysNear(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, x := range []float64{0, 0.01, 0.5, 1} {
		near := 0
		for range 1000 {
			y := polynomial(x, 20, r)
			if !(0 <= y && y <= 1) {
				t.Fatalf("%v mutates to %v, want 0 to 1", x, y)
			}
			if math.Abs(x-y) < 0.1 {
				near++
			}
		}
		if near < 850 {
			t.Errorf("%v: %d of 1000 mutations are within 0.1, want at least 850", x, near)
		}
	}
}

// The elite has the feasible trials first, then those that violate least.
func TestEliteOfConstraints(t *testing.T) {
	for _, niches := range []bool{false, true} {
		s := strategy(Uniform)
		s.Population, s.Niches = 4, niches
		var pool []individual
		for i, violation := range []float64{0, 3, 1, 0, 2, 5} {
			u := completed(i, []float64{0.5}, float64(i), -float64(i))
			u.Constraints = map[string]float64{"c": violation}
			pool = append(pool, individualOf(u, []trial.Direction{trial.Minimize, trial.Minimize}))
		}
		var got []int
		for _, e := range s.elite(pool, 6) {
			got = append(got, e.trial.Number)
		}
		slices.Sort(got)
		if want := []int{0, 2, 3, 4}; !slices.Equal(got, want) {
			t.Errorf("niches %v: the elite is %v, want %v", niches, got, want)
		}
	}
}

// A fold that is cached, one from the start, and one of a worker that is behind agree.
func TestDrawsAreAFunctionOfTheHistory(t *testing.T) {
	for _, generation := range []int{1, 10} {
		directions := []trial.Direction{trial.Minimize, trial.Maximize}
		log := trial.NewLog(directions)
		cached := strategy(Uniform)
		cached.Generation = generation
		r := rand.New(rand.NewPCG(7, 8))
		var histories []trial.History
		for number := range 120 {
			u := completed(number, []float64{r.Float64(), r.Float64()}, r.Float64(), r.Float64())
			if number%7 == 3 {
				u.State, u.Values = trial.Failed, nil
			}
			log.Put(u)
			histories = append(histories, log.History())
			for _, behind := range []int{0, 5, 90} {
				h := histories[max(0, number-behind)]
				fresh := strategy(Uniform)
				fresh.Generation = generation
				got := cached.Draw(h, rand.New(rand.NewPCG(9, uint64(number))))
				want := fresh.Draw(h, rand.New(rand.NewPCG(9, uint64(number))))
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("after %d trials, %d behind: drew %v, want %v", number, behind, got, want)
				}
			}
		}
	}
}

// A child inherits the parameters of the branches that its parents took, and only mutates what it has.
func TestChildrenOfConditionalSpaces(t *testing.T) {
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	kind := space.Choose("left", "right").Dist()
	for number := range 20 {
		branch := number % 2
		u := &trial.Trial{Number: number, State: trial.Complete, Values: []float64{float64(number)}}
		u.Params = []trial.Param{{Name: "kind", Value: float64(branch), Dist: kind},
			{Name: []string{"l", "r"}[branch], Value: float64(number) / 20, Dist: unit}}
		log.Put(u)
	}
	s := strategy(SBX)
	both := 0
	for i := range 100 {
		child := s.Draw(log.History(), rand.New(rand.NewPCG(10, uint64(i))))
		_, l := child["l"]
		_, r := child["r"]
		if x, ok := child["kind"]; !ok || !kind.Contains(x) || !l && !r {
			t.Fatalf("a child is %v, want its kind and a branch", child)
		}
		if l && r {
			both++
		}
	}
	if both == 0 {
		t.Error("no child has the parameters of both branches, want some")
	}
}
