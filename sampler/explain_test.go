package sampler_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// bowl is smallest at x = 2, lr = 1e-3; idle does not matter.
func bowl(t *study.Trial) (float64, error) {
	x, lr, _ := t.Float("x", -5, 5), t.LogFloat("lr", 1e-5, 1), t.Float("idle", 0, 1)
	return math.Pow(x-2, 2) + math.Pow(math.Log10(lr)+3, 2), nil
}

// explained runs trials and explains the last one.
func explained(t *testing.T, s sampler.Sampler, trials int, f study.Objective) (sampler.Explanation, *trial.Trial) {
	t.Helper()
	ctx := context.Background()
	st, err := study.Open(ctx, study.Config{Sampler: s, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Optimize(ctx, f, study.Budget{Trials: trials}); err != nil {
		t.Fatal(err)
	}
	e, err := st.Explain(ctx, trials-1)
	if err != nil {
		t.Fatal(err)
	}
	all, err := st.Trials(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return e, all[trials-1]
}

// fact returns the value of a fact.
func fact(t *testing.T, e sampler.Explanation, name string) float64 {
	t.Helper()
	i := slices.IndexFunc(e.Facts, func(f sampler.Fact) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("no fact %q in %+v", name, e)
	}
	return e.Facts[i].Value
}

// belief returns what is known about a parameter.
func belief(t *testing.T, e sampler.Explanation, name string) sampler.Belief {
	t.Helper()
	i := slices.IndexFunc(e.Params, func(b sampler.Belief) bool { return b.Name == name })
	if i < 0 {
		t.Fatalf("no parameter %q in %+v", name, e)
	}
	return e.Params[i]
}

func TestStartupIsExplained(t *testing.T) {
	for name, s := range map[string]sampler.Sampler{"TPE": &sampler.TPE{}, "GP": &sampler.GP{},
		"GP, chosen by Auto": &sampler.Auto{}, "CMAES": &sampler.CMAES{StartupTrials: 10}} {
		e, _ := explained(t, s, 5, bowl)
		if e.Sampler != name || !e.Startup || e.Trials != 4 && name != "CMAES" || fact(t, e, "startup_trials") != 10 {
			t.Errorf("%s: got %+v", name, e)
		}
	}
}

func TestTPEExplainsWhereGoodTrialsAre(t *testing.T) {
	e, last := explained(t, &sampler.TPE{}, 100, bowl)
	if e.Sampler != "TPE" || e.Startup || e.Trials != 99 || fact(t, e, "good_trials") != 20 || fact(t, e, "other_trials") != 79 {
		t.Errorf("got %+v", e)
	}
	x, lr := belief(t, e, "x"), belief(t, e, "lr")
	if low, high := x.Low.(float64), x.High.(float64); !(low < 2 && 2 < high && high-low < 3) {
		t.Errorf("x: got %+v, want a narrow region around 2", x)
	}
	if low, high := lr.Low.(float64), lr.High.(float64); !(low < 1e-3 && 1e-3 < high && high/low < 200) {
		t.Errorf("lr: got %+v, want a narrow region around 1e-3", lr)
	}
	// The ratio is that of the best of 24 draws: high beside a point far away.
	if r, p := fact(t, e, "log_ratio"), fact(t, e, "chance_good"); r < 1 || math.Abs(math.Log(p/(1-p))-r-math.Log(20.0/79)) > 1e-9 {
		t.Errorf("the last trial %v has log_ratio %v and chance_good %v", last.Params, r, p)
	}
	e, _ = explained(t, &sampler.TPE{}, 100, func(t *study.Trial) (float64, error) {
		y, err := bowl(t)
		if t.Categorical("kind", "poor", "good", "bad") != "good" {
			y += 3
		}
		return y, err
	})
	kind := belief(t, e, "kind")
	if kind.Best != "good" || kind.Low != nil || len(kind.Choices) != 3 || !(kind.Choices[1] > 0.7) {
		t.Errorf("kind: got %+v", kind)
	}
}

func TestGPExplainsWhatItPredicts(t *testing.T) {
	for name, sign := range map[string]float64{"minimize": 1, "maximize": -1} {
		ctx := context.Background()
		d := trial.Minimize
		if sign < 0 {
			d = trial.Maximize
		}
		st, err := study.Open(ctx, study.Config{Sampler: &sampler.GP{}, Seed: 3, Directions: []trial.Direction{d}})
		if err != nil {
			t.Fatal(err)
		}
		err = st.Optimize(ctx, func(t *study.Trial) (float64, error) {
			y, err := bowl(t)
			return sign * y, err
		}, study.Budget{Trials: 40})
		if err != nil {
			t.Fatal(err)
		}
		best, err := st.Best(ctx)
		if err != nil {
			t.Fatal(err)
		}
		e, err := st.Explain(ctx, best.Number)
		if err != nil {
			t.Fatal(err)
		}
		actual, mean, sd := best.Values[0], fact(t, e, "mean"), fact(t, e, "sd")
		if math.Abs(mean-actual) > 0.1 || !(0 < sd && sd < 0.5) {
			t.Errorf("%s: predicts %v ± %v at a point of %v", name, mean, sd, actual)
		}
		if m := fact(t, e, "best_mean"); math.Abs(m-actual) > 0.1 || best.Number < 10 {
			t.Errorf("%s: the best mean is %v, the best value of trial %d %v", name, m, best.Number, actual)
		}
		if ei := fact(t, e, "expected_improvement"); !(0 <= ei && ei < 1) {
			t.Errorf("%s: the expected improvement is %v", name, ei)
		}
		if x, idle := belief(t, e, "x"), belief(t, e, "idle"); !(idle.Scale > 2*x.Scale) || math.Abs(x.Best.(float64)-2) > 0.3 {
			t.Errorf("%s: got %+v and %+v, want x around 2 and idle to matter less", name, x, idle)
		}
	}
}

// The axes and the mean give the distance of a point that lies within the bounds.
func TestCMAESExplainsItsDistribution(t *testing.T) {
	for _, s := range []*sampler.CMAES{{}, {Separable: true}} {
		e, last := explained(t, s, 150, func(t *study.Trial) (float64, error) {
			x, y := t.Float("x", -5, 5), t.Float("y", -5, 5)
			return math.Pow(x-1, 2) + math.Pow(x-y, 2)*100, nil // a narrow valley along x = y
		})
		x := belief(t, e, "x")
		if !s.Separable && math.Abs(x.Best.(float64)-1) > 1 || !(0 < x.Scale && x.Scale < 1.0/6) || fact(t, e, "generation") < 20 {
			t.Errorf("got %+v", e)
		}
		if width := x.High.(float64) - x.Low.(float64); math.Abs(width-20*x.Scale) > 1e-9 {
			t.Errorf("x: Low and High are %v apart, want two deviations of %v", width, 10*x.Scale)
		}
		sum := 0.0
		for _, a := range e.Axes {
			along := 0.0
			for _, p := range last.Params {
				mean := belief(t, e, p.Name).Best.(float64)
				along += (p.Value - mean) / 10 * a.Direction[p.Name]
			}
			sum += along * along / (a.SD * a.SD)
		}
		if d := fact(t, e, "distance"); math.Abs(math.Sqrt(sum)-d) > 1e-6 {
			t.Errorf("separable %v: the distance is %v, by hand %v", s.Separable, d, math.Sqrt(sum))
		}
		if v := e.Axes[0].Direction; !s.Separable && math.Abs(v["x"]-v["y"]) > 0.2 {
			t.Errorf("the longest axis is %v, want it along x = y", v)
		}
	}
}

func TestPartialFixedExplainsTheRest(t *testing.T) {
	e, _ := explained(t, sampler.PartialFixed{Values: map[string]any{"x": 1.0}, Sampler: &sampler.TPE{}}, 30, bowl)
	if len(e.Params) != 2 || e.Sampler != "TPE" {
		t.Errorf("got %+v", e)
	}
}

func TestARandomDrawHasNoExplanation(t *testing.T) {
	ctx := context.Background()
	st, err := study.Open(ctx, study.Config{Sampler: sampler.Random{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Optimize(ctx, bowl, study.Budget{Trials: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := st.Explain(ctx, 0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}
