package gp

import (
	"math"
	"slices"
	"testing"
)

func TestMeanIsThatOfThePosterior(t *testing.T) {
	r, data := random(1, 12)
	p, _ := Condition(Kernel{Weights: []float64{2, 0.5, 1}, Scale: 1.3, Unordered: data.Unordered}, 0.01, data.Points, data.Values, nil)
	prior := hill{[]float64{0.3, 0.6, 0}}
	over := p.Over(prior)
	for range 20 {
		x := []float64{r.Float64(), r.Float64(), float64(r.IntN(3))}
		want, _ := p.At(x)
		if got := p.Mean().Value(x); math.Abs(got-want) > 1e-12 {
			t.Errorf("at %v: %v, want %v", x, got, want)
		}
		if got, _ := over.At(x); math.Abs(got-want-prior.Value(x)) > 1e-12 {
			t.Errorf("over a prior at %v: %v, want %v", x, got, want+prior.Value(x))
		}
	}
}

func TestLogScorePredictsEachObservationFromTheOthers(t *testing.T) {
	_, data := random(2, 10)
	k, noise := Kernel{Weights: []float64{2, 0.5, 1}, Scale: 1.3, Unordered: data.Unordered}, 0.05
	p, _ := Condition(k, noise, data.Points, data.Values, nil)
	want := 0.0
	for i, x := range data.Points {
		others := slices.Delete(slices.Clone(data.Points), i, i+1)
		values := slices.Delete(slices.Clone(data.Values), i, i+1)
		q, _ := Condition(k, noise, others, values, nil)
		mean, variance := q.At(x)
		variance += noise // of the observation
		d := data.Values[i] - mean
		want -= (math.Log(2*math.Pi*variance) + d*d/variance) / 2
	}
	if got := p.LogScore(); math.Abs(got-want) > 1e-9 {
		t.Errorf("log score is %v, want %v", got, want)
	}
}
