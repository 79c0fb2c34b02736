package samplertest

import (
	"math"
	"reflect"
	"sync"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// testExplains checks samplers that are Explainers: explanations are sound, follow from the
// request, and change no draw.
func testExplains(t *testing.T, newSampler func() sampler.Sampler) {
	if _, ok := newSampler().(sampler.Explainer); !ok {
		return
	}
	for _, c := range []struct {
		name      string
		objective func(*run)
	}{
		{"every kind of distribution", mixed(1)},
		{"ranges at the limits of float64", extreme},
		{"parameters that depend on others", conditional},
		{"ranges that change", moving},
		{"no parameters", nothing},
		{"all equal", func(u *run) { u.suggest("x", kinds[0]); u.suggest("y", kinds[3]); u.complete(1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			used := newSampler()
			asked, silent := newStudy(used, 1, trial.Minimize), newStudy(newSampler(), 1, trial.Minimize)
			for number := range 30 {
				h := asked.log.History()
				u, other := asked.run(t, c.objective), silent.run(t, c.objective)
				for i, p := range u.Params {
					if p.Value != other.Params[i].Value {
						t.Fatalf("trial %d: Explain must change no draw, but %s is %v after it and %v without",
							number, p.Name, p.Value, other.Params[i].Value)
					}
				}
				if number%3 > 0 {
					continue // explanations cost more than draws
				}
				e := explain(t, used, h, u)
				checkExplanation(t, number, e)
				if again := explain(t, newSampler(), h, u); !reflect.DeepEqual(e, again) {
					t.Fatalf("trial %d: an explanation must depend on the request alone, but a used sampler gives\n%+v and a fresh one\n%+v",
						number, e, again)
				}
			}
			// Together with draws, for the race detector.
			h, last := asked.log.History(), &trial.Trial{Number: 30}
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() { explain(t, used, h, last) })
				wg.Go(func() {
					_, _ = used.Sample(sampler.NewRequest(h, last, randomness(1, 30, "x")), "x", kinds[0])
				})
			}
			wg.Wait()
		})
	}
}

// explain asks for the explanation of a trial.
func explain(t *testing.T, s sampler.Sampler, h trial.History, u *trial.Trial) sampler.Explanation {
	t.Helper()
	running := *u
	running.State, running.Values = trial.Running, nil
	e, err := s.(sampler.Explainer).Explain(sampler.NewRequest(h, &running, randomness(1, u.Number, "")))
	if err != nil {
		t.Errorf("trial %d: a sampler must explain every draw that it serves, but Explain failed: %v", u.Number, err)
	}
	return e
}

// checkExplanation checks what every explanation must satisfy.
func checkExplanation(t *testing.T, number int, e sampler.Explanation) {
	t.Helper()
	wrong := func(rule string, got any) {
		t.Helper()
		t.Errorf("trial %d: %s, but the explanation has %+v", number, rule, got)
	}
	if e.Sampler == "" {
		wrong("an explanation must name its algorithm", e)
	}
	finite := func(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
	for _, f := range e.Facts {
		if !finite(f.Value) || f.Name == "" || f.Meaning == "" {
			wrong("a fact must be a finite number with a name and a meaning", f)
		}
	}
	for i, b := range e.Params {
		if i > 0 && b.Name <= e.Params[i-1].Name {
			wrong("beliefs must be sorted by name, one each", e.Params)
		}
		if !finite(b.Scale) || b.Scale < 0 {
			wrong("a scale must be finite and not negative", b)
		}
		sum := 0.0
		for _, p := range b.Choices {
			sum += p
		}
		if b.Choices != nil && math.Abs(sum-1) > 1e-9 {
			wrong("the probabilities of choices must sum to 1", b)
		}
		if b.Low == nil {
			continue
		}
		low, high, best := number64(b.Low), number64(b.High), number64(b.Best)
		if !(low <= best && best <= high) {
			wrong("Best must lie between Low and High", b)
		}
	}
	for _, a := range e.Axes {
		length := 0.0
		for _, x := range a.Direction {
			length += x * x
		}
		if !(a.SD >= 0) || !finite(a.SD) || math.Abs(length-1) > 1e-9 {
			wrong("an axis must have a unit vector and a finite deviation", a)
		}
	}
}

// number64 returns an external value as a number.
func number64(v any) float64 {
	x, _ := space.Float{Low: -math.MaxFloat64, High: math.MaxFloat64}.Internal(v)
	return x
}
