package train

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// texts are n sequences of up to 9 tokens with labels; with vectors they have
// rows of two numbers, too.
func texts(n int, vectors bool, seed uint64) (s Set) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range n {
		s.Lens = append(s.Lens, 1+rng.IntN(9))
		s.Labels = append(s.Labels, i%3)
		for range s.Lens[i] {
			s.IDs = append(s.IDs, int32(rng.IntN(50)))
		}
	}
	if vectors {
		s.X = blas32.General{Rows: len(s.IDs), Cols: 2, Stride: 2}
		for range 2 * len(s.IDs) {
			s.X.Data = append(s.X.Data, rng.Float32())
		}
	}
	return s
}

// rowsOf returns example i of s: its rows, tokens and label.
func rowsOf(s Set, i int) (x []float32, ids []int32, label int) {
	from, n := i, 1
	if s.Lens != nil {
		from, n = 0, s.Lens[i]
		for _, l := range s.Lens[:i] {
			from += l
		}
	}
	if s.X.Rows > 0 {
		x = s.X.Data[from*s.X.Cols : (from+n)*s.X.Cols]
	}
	if s.IDs != nil {
		ids = s.IDs[from : from+n]
	}
	return x, ids, s.Labels[i]
}

func TestSelectCopiesExamplesInOrder(t *testing.T) {
	for name, s := range map[string]Set{"rows": blobs(30, 1), "tokens": texts(30, false, 1), "rows of tokens": texts(30, true, 1)} {
		before := s.Select(ascending(30))
		if !reflect.DeepEqual(before.Lens, s.Lens) || !reflect.DeepEqual(before.IDs, s.IDs) || !reflect.DeepEqual(before.X, s.X) || !reflect.DeepEqual(before.Labels, s.Labels) {
			t.Errorf("%s: all examples differ from the set", name)
		}
		indices := []int{7, 0, 29, 7}
		part := s.Select(indices)
		if err := part.Check(3); err != nil || part.Len() != 4 {
			t.Errorf("%s: %d examples, error %v", name, part.Len(), err)
		}
		for j, i := range indices {
			gotX, gotIDs, gotLabel := rowsOf(part, j)
			x, ids, label := rowsOf(s, i)
			if !slices.Equal(gotX, x) || !slices.Equal(gotIDs, ids) || gotLabel != label {
				t.Errorf("%s: example %d is not number %d of the set", name, j, i)
			}
		}
		if part.X.Rows > 0 {
			part.X.Data[0]++
		}
		part.Labels[0]++
		if !reflect.DeepEqual(s.Select(ascending(30)), before) {
			t.Errorf("%s: the selection shares memory with the set", name)
		}
	}
	s := Set{Batch: blobs(3, 1).Batch, Targets: []float32{1, 2, 3}}
	if part := s.Select([]int{2, 0}); !slices.Equal(part.Targets, []float32{3, 1}) || part.Labels != nil {
		t.Errorf("targets are %v and labels %v", part.Targets, part.Labels)
	}
}

func ascending(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func TestChunksAreTheExamplesInOrder(t *testing.T) {
	for name, s := range map[string]Set{"rows": blobs(30, 1), "tokens": texts(30, false, 1), "rows of tokens": texts(30, true, 1)} {
		for _, size := range []int{1, 7, 30, 100} {
			i := 0
			for part := range batch.Chunks(s.Batch, size) {
				n := min(size, 30-i)
				want := s.Select(ascending(30)[i : i+n]).Batch
				if !reflect.DeepEqual(part, want) {
					t.Errorf("%s: chunk from %d differs", name, i)
				}
				i += n
			}
			if i != 30 {
				t.Errorf("%s: %d examples in chunks of %d, want 30", name, i, size)
			}
		}
		for range batch.Chunks(s.Batch, 7) {
			break
		}
	}
	for range batch.Chunks(nn.Batch{}, 7) {
		t.Error("there is a chunk of nothing")
	}
}

func TestClassesAreTheLeastThatLabelsNeed(t *testing.T) {
	for want, labels := range map[int][]int{0: nil, 1: {0, 0}, 8: {3, 7, 0}} {
		if got := (Set{Labels: labels}).Classes(); got != want {
			t.Errorf("%v: %d classes, want %d", labels, got, want)
		}
	}
}

func TestCheckNamesWhatIsWrong(t *testing.T) {
	nan := float32(math.NaN())
	rows := func(change func(*Set)) Set {
		s := blobs(6, 1)
		change(&s)
		return s
	}
	tokens := func(change func(*Set)) Set {
		s := texts(6, true, 1)
		change(&s)
		return s
	}
	for want, s := range map[string]Set{
		"the set is empty":                   {},
		"IDs without Lens":                   tokens(func(s *Set) { s.Lens = nil }),
		"2 columns and stride 3":             rows(func(s *Set) { s.X.Stride = 3 }),
		"0 columns":                          rows(func(s *Set) { s.X.Cols = 0 }),
		"11 numbers, want 6×2":               rows(func(s *Set) { s.X.Data = s.X.Data[:11] }),
		"IDs":                                tokens(func(s *Set) { s.IDs = s.IDs[1:] }),
		"0 labels and 0 targets":             rows(func(s *Set) { s.Labels = nil }),
		"6 labels and 1 targets":             rows(func(s *Set) { s.Targets = []float32{1} }),
		"5 labels for 6 examples":            rows(func(s *Set) { s.Labels = s.Labels[:5] }),
		"1 targets for 6 examples":           rows(func(s *Set) { s.Labels, s.Targets = nil, []float32{1} }),
		"sequence 1 has length 0":            tokens(func(s *Set) { s.Lens[1] = 0 }),
		"positions, want one for each":       tokens(func(s *Set) { s.Lens[1]++ }),
		"row 2, column 1 of X is NaN":        rows(func(s *Set) { s.X.Data[5] = nan }),
		"row 0, column 0 of X is +Inf":       rows(func(s *Set) { s.X.Data[0] = float32(math.Inf(1)) }),
		"label 3 is -1, want 0 to 2":         rows(func(s *Set) { s.Labels[3] = -1 }),
		"label 3 is 3, want 0 to 2":          rows(func(s *Set) { s.Labels[3] = 3 }),
		"3 outputs, want 1 for a regression": rows(func(s *Set) { s.Labels, s.Targets = nil, make([]float32, 6) }),
	} {
		if err := s.Check(3); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	if err := blobs(6, 1).Check(1); err == nil || !strings.Contains(err.Error(), "1 output") {
		t.Errorf("error is %v for a classifier with one output", err)
	}
	bad := rows(func(s *Set) { s.Labels, s.Targets = nil, []float32{0, 1, 2, nan, 4, 5} })
	if err := bad.Check(1); err == nil || !strings.Contains(err.Error(), "target 3 is NaN") {
		t.Errorf("error is %v for a target that is NaN", err)
	}
	for name, c := range map[string]struct {
		s       Set
		outputs int
	}{
		"rows": {blobs(6, 1), 2}, "more outputs than classes": {blobs(6, 1), 9}, "tokens": {texts(6, false, 1), 3}, "both": {texts(6, true, 1), 3},
		"targets": {rows(func(s *Set) { s.Labels, s.Targets = nil, make([]float32, 6) }), 1},
	} {
		if err := c.s.Check(c.outputs); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFitRefusesSetsThatDoNotFit(t *testing.T) {
	one := blobs(20, 1)
	one.Labels = make([]int, 20)
	numbers := blobs(20, 1)
	numbers.Labels, numbers.Targets = nil, make([]float32, 20)
	frozen := network()
	for _, p := range frozen.Params() {
		p.Frozen = true
	}
	single := func() *nn.Network { return &nn.Network{Head: nn.NewDense("head", 2, 1)} }
	third := blobs(20, 1)
	third.Labels[4] = 2
	for want, c := range map[string]struct {
		net                  *nn.Network
		training, validation Set
		c                    Config
	}{
		"the set is empty, want at least one example, in the training set":   {network(), Set{}, blobs(9, 1), Config{}},
		"the set is empty, want at least one example, in the validation set": {network(), blobs(9, 1), Set{}, Config{}},
		"label 4 is 2, want 0 to 1, in the training set":                     {network(), third, blobs(9, 1), Config{}},
		"label 4 is 2, want 0 to 1, in the validation set":                   {network(), blobs(9, 1), third, Config{}},
		"2 outputs, want 1 for a regression, in the training set":            {network(), numbers, numbers, Config{}},
		"examples of class 0 only, want at least two":                        {network(), one, blobs(9, 1), Config{}},
		"3 ClassWeights, want one for each of the 2":                         {network(), blobs(9, 1), blobs(9, 1), Config{ClassWeights: []float64{1, 1, 1}}},
		"1 ClassWeights, want one for each of the 2":                         {network(), blobs(9, 1), blobs(9, 1), Config{ClassWeights: []float64{1}}},
		"ClassWeights are [1 1] and LabelSmoothingFactor is 0, want neither": {single(), numbers, numbers, Config{ClassWeights: []float64{1, 1}}},
		"ClassWeights are [] and LabelSmoothingFactor is 0.1, want neither":  {single(), numbers, numbers, Config{LabelSmoothingFactor: 0.1}},
		"2 outputs, want 1 for a regression, in the validation set":          {network(), blobs(9, 1), numbers, Config{}},
		"1 output, want one for each class, at least 2, in the val":          {single(), numbers, blobs(9, 1), Config{}},
		"all parameters are frozen":                                          {frozen, blobs(9, 1), blobs(9, 1), Config{}},
		`Metric is "auroc" and the validation set has examples of class 0`:   {network(), blobs(9, 1), one, Config{Metric: MetricAUROC}},
		`Metric is "rmse", which a classification does not have`:             {network(), blobs(9, 1), blobs(9, 1), Config{Metric: MetricRMSE}},
	} {
		if _, err := Fit(t.Context(), c.net, c.training, c.validation, c.c, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want %q", err, want)
		}
	}
	// A single class in the validation set is allowed.
	if _, err := Fit(t.Context(), network(), blobs(9, 1), one, Config{}, nil, func(m Metrics, _ State) error {
		if m.Validation.HasAUROC || m.Validation.AUROC != 0 || !m.Train.HasAUROC {
			t.Errorf("metrics are %+v, want an AUROC of the training set alone", m)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}
