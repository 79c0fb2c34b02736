package sampler_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

var believedSpace = space.Must(space.New(
	space.Dim("freeze", space.Int{Low: 0, High: 24, Step: 2}.Near(4, space.Confident)),
	space.Dim("lr", space.Float{Low: 1e-6, High: 1e-1, Log: true}.Near(1e-3, space.Confident)),
	space.Dim("method", space.Choose("full", "lora", "prompt").Near("lora", space.Vague)),
	space.Dim("rank", space.Int{Low: 1, High: 128, Log: true}.Near(8, space.Vague)),
	space.Dim("warmup", space.Float{Low: 0, High: 0.3, Step: 0.01}.Near(0.06, space.Certain)),
))

// search draws n trials with the given beliefs and returns their history and the points.
func search(t *testing.T, s sampler.Sampler, n int, beliefs space.Space, loss func(x map[string]float64) float64) (
	trial.History, []map[string]float64) {
	t.Helper()
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	var points []map[string]float64
	for number := range n {
		h := log.History()
		live := trial.Trial{Number: number}
		request := func(stream uint64) sampler.Request {
			r := sampler.NewRequest(h, &live, rand.New(rand.NewPCG(uint64(number), stream)))
			r.Beliefs = beliefs
			return r
		}
		var joint map[string]float64
		if j, ok := s.(sampler.JointSampler); ok {
			var err error
			if joint, err = j.SampleJoint(request(99)); err != nil {
				t.Fatal(err)
			}
		}
		x := map[string]float64{}
		for i, d := range believedSpace {
			v, ok := joint[d.Name]
			if !ok || !d.Dist.Contains(v) {
				var err error
				if v, err = s.Sample(request(uint64(i)), d.Name, d.Dist); err != nil {
					t.Fatal(err)
				}
			}
			if !d.Dist.Contains(v) {
				t.Fatalf("trial %d: %s is %v, want %v", number, d.Name, v, d.Dist)
			}
			x[d.Name] = v
			live.Params = append(live.Params, trial.Param{Name: d.Name, Value: v, Dist: d.Dist})
		}
		done := live
		done.State, done.Values, done.Seen = trial.Complete, []float64{loss(x)}, number
		log.Put(&done)
		points = append(points, x)
	}
	return log.History(), points
}

// away is the distance from a point of the space in units of the ranges.
func away(best map[string]float64) func(x map[string]float64) float64 {
	return func(x map[string]float64) float64 {
		sum := 0.0
		for _, d := range believedSpace {
			sum += math.Abs(d.Dist.Unit(x[d.Name]) - d.Dist.Unit(best[d.Name]))
		}
		return sum
	}
}

func centers() map[string]float64 {
	x := map[string]float64{}
	for _, d := range believedSpace {
		x[d.Name] = d.Belief.Mode()
	}
	return x
}

func believers() map[string]func() sampler.Sampler {
	return map[string]func() sampler.Sampler{
		"Random":    func() sampler.Sampler { return sampler.Random{} },
		"TPE":       func() sampler.Sampler { return &sampler.TPE{} },
		"GP":        func() sampler.Sampler { return &sampler.GP{} },
		"Auto":      func() sampler.Sampler { return &sampler.Auto{} },
		"CMAES":     func() sampler.Sampler { return &sampler.CMAES{} },
		"PriorBand": func() sampler.Sampler { return sampler.PriorBand{} },
		"fixed":     func() sampler.Sampler { return sampler.PartialFixed{Sampler: &sampler.TPE{}} },
	}
}

// TestFirstTrialIsTheCenter, exactly, and the next ones are near it more often than by chance.
func TestFirstTrialIsTheCenter(t *testing.T) {
	for name, make := range believers() {
		t.Run(name, func(t *testing.T) {
			center := centers()
			h, points := search(t, make(), 12, believedSpace, away(center))
			if !maps.Equal(points[0], center) {
				t.Errorf("trial 0 is %v, want the centers %v", points[0], center)
			}
			_, blind := search(t, make(), 12, nil, away(center))
			sum, blindSum := 0.0, 0.0
			for i := 1; i < 12; i++ {
				sum, blindSum = sum+away(center)(points[i]), blindSum+away(center)(blind[i])
			}
			share := 0.75
			if name == "PriorBand" { // without beliefs it draws near its best trials, which helps here
				share = 1
			}
			if sum > share*blindSum {
				t.Errorf("trials are %.2f from a good belief, without it %.2f: want %v of that", sum/11, blindSum/11, share)
			}
			if !sampler.BeliefsHold(h, believedSpace) {
				t.Error("a good belief is ignored")
			}
		})
	}
}

// TestBeliefsAboutOtherRangesAreNone: draws are the same to the last bit as without beliefs.
func TestBeliefsAboutOtherRangesAreNone(t *testing.T) {
	var others space.Space
	for _, d := range believedSpace {
		others = append(others, space.Dimension{Name: d.Name, Dist: space.Float{Low: -1, High: 1},
			Belief: &space.Belief{Center: 0.5, Spread: 0.1}})
	}
	for name, make := range believers() {
		if name == "PriorBand" {
			continue // draws around its best trials in any case
		}
		_, want := search(t, make(), 15, nil, away(centers()))
		for kind, beliefs := range map[string]space.Space{"empty": {}, "of other ranges": others} {
			if kind != "empty" && name != "Random" {
				continue // fewer startup trials, by the count of beliefs
			}
			if _, got := search(t, make(), 15, beliefs, away(centers())); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s, %s beliefs: draws differ from those without any", name, kind)
			}
		}
	}
}

// TestMisleadingBeliefsAreIgnored after a few trials, and Explain says so.
func TestMisleadingBeliefsAreIgnored(t *testing.T) {
	far := map[string]float64{"freeze": 24, "lr": 1e-6, "method": 2, "rank": 128, "warmup": 0.3}
	for name, make := range believers() {
		t.Run(name, func(t *testing.T) {
			s := make()
			h, _ := search(t, s, 20, believedSpace, away(far))
			if sampler.BeliefsHold(h, believedSpace) {
				t.Error("after 20 trials, a wrong belief is still used")
			}
			e, ok := s.(sampler.Explainer)
			if !ok || name == "fixed" || name == "CMAES" { // which has left the beliefs behind
				return
			}
			r := sampler.NewRequest(h, &trial.Trial{Number: 20}, rand.New(rand.NewPCG(1, 1)))
			r.Beliefs = believedSpace
			x, err := e.Explain(r)
			if err != nil {
				t.Fatal(err)
			}
			used := -1.0
			for _, f := range x.Facts {
				if f.Name == "beliefs_used" {
					used = f.Value
				}
			}
			if used != 0 {
				t.Errorf("beliefs_used is %v, want 0; facts: %v", used, x.Facts)
			}
		})
	}
}
