package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// naiveAUROC compares all pairs.
func naiveAUROC(scores []float64, labels []int) (area float64, ok bool) {
	var wins, pairs float64
	for i, a := range scores {
		for j, b := range scores {
			if labels[i] == 1 && labels[j] == 0 {
				pairs++
				if a > b {
					wins++
				}
				if a == b {
					wins += 0.5
				}
			}
		}
	}
	if pairs == 0 {
		return 0, false
	}
	return wins / pairs, true
}

func TestAUROCIsTheShareOfPairsInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		for _, values := range []int{1, 2, 5, 1000} { // few values make ties
			scores, labels := make([]float64, n), make([]int, n)
			for i := range scores {
				scores[i] = float64(rng.IntN(values))
				if rng.Float64() < 0.3 {
					labels[i] = 1
				}
			}
			got, ok := auroc(scores, labels)
			want, wantOK := naiveAUROC(scores, labels)
			if got != want || ok != wantOK {
				t.Errorf("%v of %v: AUROC is %v, %v, want %v, %v", scores, labels, got, ok, want, wantOK)
			}
		}
	}
}

func TestAUROCAtItsEnds(t *testing.T) {
	inf := math.Inf(1)
	for name, c := range map[string]struct {
		scores []float64
		labels []int
		want   float64
		ok     bool
	}{
		"perfect":             {[]float64{-1, 0, 1, 2}, []int{0, 0, 1, 1}, 1, true},
		"all the wrong way":   {[]float64{-1, 0, 1, 2}, []int{1, 1, 0, 0}, 0, true},
		"all equal":           {[]float64{3, 3, 3}, []int{0, 1, 1}, 0.5, true},
		"infinite scores":     {[]float64{-inf, inf}, []int{0, 1}, 1, true},
		"class 0 only":        {[]float64{1, 2}, []int{0, 0}, 0, false},
		"class 1 only":        {[]float64{1, 2}, []int{1, 1}, 0, false},
		"nothing":             {nil, nil, 0, false},
		"a score that is NaN": {[]float64{1, math.NaN()}, []int{0, 1}, 0, false},
	} {
		if got, ok := auroc(c.scores, c.labels); got != c.want || ok != c.ok {
			t.Errorf("%s: %v, %v, want %v, %v", name, got, ok, c.want, c.ok)
		}
	}
}

func TestF1MacroIsTheMeanOverClasses(t *testing.T) {
	// By the confusion matrix, as precision and recall.
	naive := func(predicted, labels []int, classes int) float64 {
		var sum, n float64
		for k := range classes {
			var tp, fp, fn float64
			for i := range labels {
				switch {
				case labels[i] == k && predicted[i] == k:
					tp++
				case predicted[i] == k:
					fp++
				case labels[i] == k:
					fn++
				}
			}
			if tp+fp+fn == 0 {
				continue
			}
			n++
			if tp > 0 {
				precision, recall := tp/(tp+fp), tp/(tp+fn)
				sum += 2 * precision * recall / (precision + recall)
			}
		}
		return sum / n
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n, classes := 1+rng.IntN(12), 2+rng.IntN(5)
		predicted, labels := make([]int, n), make([]int, n)
		for i := range labels {
			predicted[i], labels[i] = rng.IntN(classes), rng.IntN(classes)
		}
		if got, want := f1Macro(predicted, labels, classes), naive(predicted, labels, classes); math.Abs(got-want) > 1e-12 {
			t.Errorf("%v for %v: F1 is %v, want %v", predicted, labels, got, want)
		}
	}
}

func TestScoresOfAClassification(t *testing.T) {
	// By hand: rows 0 and 2 are right, row 1 is a tie that the first class wins.
	s := Set{Batch: nn.Batch{X: matrix(1, make([]float32, 3))}, Labels: []int{0, 1, 1}}
	got := Score(matrix(2, []float32{2, 0, 1, 1, -3, 0}), s)
	loss := (math.Log(1+math.Exp(-2)) + math.Log(2) + math.Log(1+math.Exp(-3))) / 3
	if math.Abs(got.Loss-loss) > 1e-12 || got.Accuracy != 2./3 || math.Abs(got.F1Macro-2./3) > 1e-15 || got.AUROC != 1 || !got.HasAUROC || got.HasR2 || got.RMSE != 0 {
		t.Errorf("scores are %+v, want loss %v, accuracy 2/3, F1 2/3, AUROC 1", got, loss)
	}
	s.Labels = []int{0, 2, 1}
	if got := Score(matrix(3, make([]float32, 9)), s); got.HasAUROC || got.AUROC != 0 {
		t.Errorf("scores of three classes are %+v, want no AUROC", got)
	}
}

func TestScoresOfARegression(t *testing.T) {
	s := Set{Batch: nn.Batch{X: matrix(1, make([]float32, 4))}, Targets: []float32{1, 2, 3, 6}}
	// Errors 1, 0, -1, 2; the targets' squared distances from 3 add up to 14.
	got := Score(matrix(1, []float32{2, 2, 2, 8}), s)
	if want := (Scores{Loss: 1.5, LossSE: math.Sqrt(3) / 2, RMSE: math.Sqrt(1.5), R2: 1 - 6./14, HasR2: true}); got != want {
		t.Errorf("scores are %+v, want %+v", got, want)
	}
	s.Targets = []float32{0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1} // their mean is another number, by rounding
	if got := Score(matrix(1, make([]float32, 7)), s); got.HasR2 || got.R2 != 0 || math.Abs(got.RMSE-0.1) > 1e-7 {
		t.Errorf("scores of equal targets are %+v, want no R²", got)
	}
}

func TestEvaluationDoesNotDependOnTheChunks(t *testing.T) {
	s, net := blobs(130, 3), network()
	want := Score(net.Forward(s.Batch, nil).X, s)
	if got := Evaluate(net, s); got != want {
		t.Errorf("scores are %+v, want %+v", got, want)
	}
	all := batch.Predict(net, s.Batch)
	for _, chunk := range []int{1, 2, 63, 64, 129, 130, 1000} {
		got := blas32.General{Cols: all.Cols, Stride: all.Cols}
		for part := range batch.Chunks(s.Batch, chunk) {
			out := net.Forward(part, nil).X
			got.Rows, got.Data = got.Rows+out.Rows, append(got.Data, out.Data[:out.Rows*out.Cols]...)
		}
		if got.Rows != 130 || Score(got, s) != want {
			t.Errorf("chunks of %d: %d rows with scores %+v, want %+v", chunk, got.Rows, Score(got, s), want)
		}
		for i := range all.Data {
			if got.Data[i] != all.Data[i] {
				t.Fatalf("chunks of %d: output %d is %v, want %v", chunk, i, got.Data[i], all.Data[i])
			}
		}
	}
}

func TestFeaturesAreThoseOfOnePass(t *testing.T) {
	s := texts(150, false, 1)
	embedding := nn.NewEmbedding("embeddings", 4, 50, 0, 0)
	for i, p := 0, embedding.Params()[0]; i < len(p.Value); i++ {
		p.Value[i] = float32(i)
	}
	for name, front := range map[string]nn.Layer{"rows of sequences": embedding, "a row for each": nn.Sequential{embedding, &nn.MeanPool{}}, "nothing": nn.Sequential{embedding}[:0]} {
		b := s.Batch
		if name == "nothing" {
			b = embedding.Forward(s.Batch, nil)
		}
		want := front.Forward(b, nil)
		want.X.Data = slices.Clone(want.X.Data)
		got, err := batch.Features(t.Context(), front, b)
		if err != nil || got.Len() != 150 || got.X.Rows != want.X.Rows || got.X.Cols != want.X.Cols || got.IDs != nil || cap(got.X.Data) != len(got.X.Data) {
			t.Errorf("%s: %d examples in %d×%d, room for %d numbers, error %v", name, got.Len(), got.X.Rows, got.X.Cols, cap(got.X.Data), err)
		}
		for i, v := range want.X.Data[:want.X.Rows*want.X.Cols] {
			if got.X.Data[i] != v {
				t.Fatalf("%s: number %d is %v, want %v", name, i, got.X.Data[i], v)
			}
		}
		if !slices.Equal(got.Lens, want.Lens) {
			t.Errorf("%s: lengths differ", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := batch.Features(ctx, embedding, s.Batch); err != context.Canceled {
		t.Errorf("error is %v, want %v", err, context.Canceled)
	}
}

func TestTheBestEpochIsTheBestByTheMetric(t *testing.T) {
	for _, m := range []Metric{MetricLoss, MetricAccuracy, MetricF1Macro, MetricAUROC} {
		c := config
		c.Metric, c.Patience, c.Epochs, c.LearningRate = m, 0, 15, 0.1
		net, seen, r := fitBlobs(t, c)
		best := seen[0]
		for _, e := range seen[1:] {
			a, _ := m.Of(e.Validation)
			b, _ := m.Of(best.Validation)
			if m.Higher() && a > b || !m.Higher() && a < b {
				best = e
			}
		}
		if r.Best != best || len(seen) != 15 {
			t.Errorf("%s: the best epoch is %+v of %d, want %+v", m, r.Best, len(seen), best)
		}
		if got := Evaluate(net, blobs(100, 2)); got != best.Validation {
			t.Errorf("%s: the network has %+v, want %+v", m, got, best.Validation)
		}
	}
	// The metrics of a regression: one minimum is the other's maximum.
	s := Set{Batch: blobs(20, 1).Batch}
	for i := range 20 {
		s.Targets = append(s.Targets, s.X.Data[2*i]-3*s.X.Data[2*i+1])
	}
	var results []Result
	for _, m := range []Metric{MetricLoss, MetricRMSE, MetricR2} {
		net := &nn.Network{Head: nn.NewDense("head", 2, 1)}
		r, err := Fit(t.Context(), net, s, s, Config{LearningRate: 0.3, BatchSize: 5, Epochs: 60, Metric: m}, nil, nil)
		if err != nil || r.Best.Validation.RMSE > 0.05 || r.Best.Validation.R2 < 0.99 {
			t.Errorf("%s: %+v, error %v, want a line through all points", m, r, err)
		}
		results = append(results, r)
	}
	if results[0] != results[1] || results[1] != results[2] {
		t.Errorf("results are %+v, want equal ones", results)
	}
}

func TestMetricsKnowWhereTheyHaveAValue(t *testing.T) {
	s := Scores{Loss: 1, Accuracy: 2, F1Macro: 3, AUROC: 4, RMSE: 5, R2: 6}
	for i, m := range MetricNames() {
		if err := m.Check(); err != nil {
			t.Error(err)
		}
		got, ok := m.Of(s)
		if want := []float64{1, 2, 3, 4, 5, 6}[i]; got != want || ok != (m != MetricAUROC && m != MetricR2) {
			t.Errorf("%s is %v, %v, want %v", m, got, ok, want)
		}
	}
	if _, ok := MetricAUROC.Of(Scores{HasAUROC: true}); !ok {
		t.Error("AUROC has no value")
	}
	if _, ok := MetricR2.Of(Scores{HasR2: true}); !ok {
		t.Error("R² has no value")
	}
	labels, targets := blobs(4, 1), Set{Batch: blobs(4, 1).Batch, Targets: []float32{1, 1, 1, 1}}
	for _, c := range []struct {
		m       Metric
		s       Set
		outputs int
		ok      bool
	}{
		{MetricLoss, labels, 2, true}, {MetricLoss, targets, 1, true}, {MetricAccuracy, labels, 3, true}, {MetricAccuracy, targets, 1, false},
		{MetricF1Macro, targets, 1, false}, {MetricAUROC, labels, 2, true}, {MetricAUROC, labels, 3, false}, {MetricAUROC, targets, 1, false},
		{MetricRMSE, targets, 1, true}, {MetricRMSE, labels, 2, false}, {MetricR2, targets, 1, false}, {MetricR2, labels, 2, false},
	} {
		if err := c.m.fits(c.s, c.outputs); (err == nil) != c.ok {
			t.Errorf("%s with %d outputs: error is %v", c.m, c.outputs, err)
		}
	}
}

func TestBalancedWeights(t *testing.T) {
	got := fmt.Sprint(Set{Labels: []int{0, 0, 0, 2}}.BalancedWeights(3))
	if want := fmt.Sprint([]float64{4. / 9, 0, 4. / 3}); got != want {
		t.Errorf("weights are %s, want %s", got, want)
	}
	// With them a class of one counts as much as one of nine.
	c := criterion{entropy: nn.SoftmaxCrossEntropy{Weights: Set{Labels: []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}.BalancedWeights(2)}}
	s := Set{Batch: nn.Batch{X: matrix(1, make([]float32, 10))}, Labels: []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}
	c.forward(matrix(2, make([]float32, 20)), s)
	var sum float64
	for i, g := range c.backward(c.weight(s, ascending(10))).Data {
		if i%2 == 0 {
			sum += float64(g)
		}
	}
	if math.Abs(sum) > 1e-6 {
		t.Errorf("the gradient of equal outputs adds up to %v, want 0", sum)
	}
}

func TestAStepInWhichNoExampleCountsChangesNothing(t *testing.T) {
	c := config
	c.ClassWeights, c.BatchSize = []float64{0, 0}, 4
	net, _, _ := fitBlobs(t, c)
	for i, p := range net.Params() {
		for j, v := range p.Value {
			if v != network().Params()[i].Value[j] {
				t.Fatalf("element %d of parameter %d is %v", j, i, v)
			}
		}
	}
}
