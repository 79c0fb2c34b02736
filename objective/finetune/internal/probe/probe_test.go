package probe

import (
	_ "embed"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

//go:embed testdata/probe.json
var probeJSON []byte

// vectors is what NumPy computed; testdata/make.py says how.
type vectors struct {
	LogME []struct {
		D                          int
		Features                   []float32
		Labels                     []int
		Targets                    []float32
		Classification, Regression float64
	}
	Linear []struct {
		D                  int
		Features           []float32
		Labels             []int
		Losses, Accuracies []float64 // for the default penalties
	}
}

func load(t *testing.T) (v vectors) {
	t.Helper()
	if err := json.Unmarshal(probeJSON, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.LogME) != 5 || len(v.Linear) != 2 {
		t.Fatalf("%d and %d cases, want 5 and 2", len(v.LogME), len(v.Linear))
	}
	return v
}

func set(d int, x []float32, labels []int, targets []float32) train.Set {
	return train.Set{Batch: nn.Batch{X: blas32.General{Rows: len(x) / d, Cols: d, Stride: d, Data: x}}, Labels: labels, Targets: targets}
}

func TestLogMEIsTheEvidenceOfTheDenseModel(t *testing.T) {
	for i, c := range load(t).LogME {
		for name, want := range map[string]float64{"classification": c.Classification, "regression": c.Regression} {
			s := set(c.D, c.Features, c.Labels, nil)
			if name == "regression" {
				s = set(c.D, c.Features, nil, c.Targets)
			}
			got, err := LogME(s)
			if err != nil || math.Abs(got-want) > 1e-6 {
				t.Errorf("case %d, %s: %v, error %v, want %v", i, name, got, err, want)
			}
		}
	}
}

// clusters are n examples of 3 classes in d dimensions, so far apart.
func clusters(n, d int, apart float64, seed uint64) train.Set {
	rng := rand.New(rand.NewPCG(seed, 0))
	var x []float32
	var labels []int
	for i := range n {
		for j := range d {
			v := rng.NormFloat64()
			if j == i%3 {
				v += apart
			}
			x = append(x, float32(v))
		}
		labels = append(labels, i%3)
	}
	return set(d, x, labels, nil)
}

func TestBothScoresRiseWithWhatTheFeaturesTell(t *testing.T) {
	lastEvidence, lastAccuracy, lastLoss := math.Inf(-1), 0., math.Inf(1)
	for _, apart := range []float64{0, 1, 2, 4, 8} {
		s := clusters(300, 8, apart, 1)
		e, err := LogME(s)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Linear{}.Fit(s, clusters(600, 8, apart, 2))
		if err != nil {
			t.Fatal(err)
		}
		if !(e > lastEvidence && r.Scores.Accuracy > lastAccuracy && r.Scores.Loss < lastLoss) {
			t.Errorf("%v apart: LogME %v, accuracy %v, loss %v after %v, %v, %v; want better ones", apart, e, r.Scores.Accuracy, r.Scores.Loss, lastEvidence, lastAccuracy, lastLoss)
		}
		if r.Chance != 1./3 {
			t.Errorf("chance is %v, want 1/3", r.Chance)
		}
		lastEvidence, lastAccuracy, lastLoss = e, r.Scores.Accuracy, r.Scores.Loss
	}
}

func TestLogMEIsFiniteWhereTheFitIsPerfect(t *testing.T) {
	s := clusters(30, 60, 5, 1) // more dimensions than examples
	if e, err := LogME(s); err != nil || math.IsNaN(e) || math.IsInf(e, 0) {
		t.Errorf("LogME is %v, error %v, want a number", e, err)
	}
	clear(s.X.Data) // nothing to tell by
	e, err := LogME(s)
	if err != nil || math.IsNaN(e) || math.IsInf(e, 0) {
		t.Errorf("LogME of zeros is %v, error %v, want a number", e, err)
	}
}

func TestLogMEOfAClassThatDoesNotOccurIsNotCounted(t *testing.T) {
	s := clusters(60, 5, 1, 1)
	want, err := LogME(s)
	if err != nil {
		t.Fatal(err)
	}
	s.Labels = slices.Clone(s.Labels)
	for i := range s.Labels {
		s.Labels[i] *= 3 // 0, 3, 6
	}
	if got, err := LogME(s); err != nil || got != want {
		t.Errorf("LogME is %v with other numbers for the classes, error %v, want %v", got, err, want)
	}
}

func TestLinearFindsTheMinimumAndTheBestPenalty(t *testing.T) {
	grid := []float64{1, 0.1, 0.01, 0.001, 0.0001}
	for i, c := range load(t).Linear {
		n := len(c.Labels) / 2
		training, validation := set(c.D, c.Features[:n*c.D], c.Labels[:n], nil), set(c.D, c.Features[n*c.D:], c.Labels[n:], nil)
		best := 0
		for j, l2 := range grid {
			r, err := Linear{L2: []float64{l2}}.Fit(training, validation)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(r.Scores.Loss-c.Losses[j]) > 1e-4 || r.Scores.Accuracy != c.Accuracies[j] || r.L2 != l2 {
				t.Errorf("case %d, L2 %v: %+v, want loss %v, accuracy %v", i, l2, r, c.Losses[j], c.Accuracies[j])
			}
			if c.Losses[j] < c.Losses[best] {
				best = j
			}
		}
		for _, order := range [][]float64{nil, {0.0001, 1, 0.01, 0.1, 0.001}} {
			r, err := Linear{L2: order}.Fit(training, validation)
			if err != nil || r.L2 != grid[best] || math.Abs(r.Scores.Loss-c.Losses[best]) > 1e-4 {
				t.Errorf("case %d: %+v, error %v, want L2 %v with loss %v", i, r, err, grid[best], c.Losses[best])
			}
		}
		if few, err := (Linear{L2: []float64{0.0001}, Iterations: 1}).Fit(training, validation); err != nil || math.Abs(few.Scores.Loss-c.Losses[4]) < 1e-4 {
			t.Errorf("case %d: one iteration gives the minimum, error %v", i, err)
		}
	}
}

func TestConstantColumnsTellNothing(t *testing.T) {
	training, validation := clusters(60, 4, 2, 1), clusters(60, 4, 2, 2)
	want, err := Linear{}.Fit(training, validation)
	if err != nil {
		t.Fatal(err)
	}
	wide := func(s train.Set) train.Set {
		var x []float32
		for i := range s.X.Rows {
			x = append(append(x, s.X.Data[4*i:4*i+4]...), 1e6)
		}
		return set(5, x, s.Labels, nil)
	}
	got, err := Linear{}.Fit(wide(training), wide(validation))
	if err != nil || math.Abs(got.Scores.Loss-want.Scores.Loss) > 1e-4 {
		t.Errorf("with a constant column %+v, error %v, want %+v", got, err, want)
	}
}

func TestChanceIsOfTheMostFrequentClass(t *testing.T) {
	if got := chance([]int{2, 0, 0, 1, 2}, []int{0, 0, 2, 1}); got != 0.5 {
		t.Errorf("chance is %v, want 0.5: of 0 and 2 the first counts", got)
	}
	if got := chance([]int{2, 0, 2, 1}, []int{0, 0, 2, 1}); got != 0.25 {
		t.Errorf("chance is %v, want 0.25", got)
	}
}

func TestPoolTakesTheMeanOfEachSequence(t *testing.T) {
	s := set(2, []float32{1, 2, 3, 4, 5, 9, 7, 8}, []int{0, 1}, nil)
	s.Lens = []int{3, 1}
	p := Pool(s)
	if !slices.Equal(p.X.Data, []float32{3, 5, 7, 8}) || p.X.Rows != 2 || p.Lens != nil || p.Len() != 2 || !slices.Equal(p.Labels, s.Labels) {
		t.Errorf("pooled: %+v", p)
	}
	plain := clusters(5, 2, 1, 1)
	if q := Pool(plain); &q.X.Data[0] != &plain.X.Data[0] {
		t.Error("a set of single rows was copied")
	}
}

func TestMistakesAreNamed(t *testing.T) {
	good := clusters(30, 4, 1, 1)
	sequences := good
	sequences.Lens = []int{15, 15}
	numbers := set(4, good.X.Data, nil, make([]float32, 30))
	for want, run := range map[string]func() error{
		"want one row each: see Pool": func() error { _, err := LogME(sequences); return err },
		"the set is empty":            func() error { _, err := LogME(train.Set{}); return err },
		"targets, want labels":        func() error { _, err := Linear{}.Fit(good, numbers); return err },
		"4 and 5 columns":             func() error { _, err := Linear{}.Fit(good, clusters(9, 5, 1, 1)); return err },
		"L2 is 0":                     func() error { _, err := Linear{L2: []float64{1, 0}}.Fit(good, good); return err },
		"L2 is +Inf":                  func() error { _, err := Linear{L2: []float64{math.Inf(1)}}.Fit(good, good); return err },
		"Iterations is -1":            func() error { _, err := Linear{Iterations: -1}.Fit(good, good); return err },
	} {
		if err := run(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
}
