package train

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A Set is examples with Labels, for a classification, or Targets, for a regression. It is never
// modified, so trainings may share it.
type Set struct {
	nn.Batch           // all examples: rows of X, or sequences
	Labels   []int     // classes of the examples, from 0 on; nil in a regression
	Targets  []float32 // numbers to predict; nil in a classification
}

// Classes returns the largest label plus one: the fewest outputs of a classifier for s. It is 0 in
// a regression.
func (s Set) Classes() int {
	n := 0
	for _, label := range s.Labels {
		// Labels need not all occur.
		n = max(n, label+1)
	}
	return n
}

// Check returns an error unless a network with the given number of outputs can be trained on s: it
// is not empty, every example has one label below outputs or, with one output, one finite target,
// its numbers are finite, and its matrices and sequences fit together.
func (s Set) Check(outputs int) error {
	if err := s.check(); err != nil {
		return err
	}
	// A regression has one number to predict.
	if s.Targets != nil && outputs != 1 {
		return fmt.Errorf("the network has %d outputs, want 1 for a regression", outputs)
	}
	if s.Labels != nil && outputs < 2 {
		return fmt.Errorf("the network has %d output, want one for each class, at least 2", outputs)
	}
	for i, label := range s.Labels {
		if label < 0 || label >= outputs {
			return fmt.Errorf("label %d is %d, want 0 to %d", i, label, outputs-1)
		}
	}
	return nil
}

// check is Check without the network.
func (s Set) check() error {
	x, n := s.X, s.Len()
	switch {
	// Len would count no examples at all.
	case s.IDs != nil && s.Lens == nil:
		return errors.New("the set has IDs without Lens, want the length of each sequence")
	case n == 0:
		return errors.New("the set is empty, want at least one example")
	// Rows without gaps can be copied and sent to kernels as one array.
	case x.Rows > 0 && (x.Cols < 1 || x.Stride != x.Cols):
		return fmt.Errorf("matrix X has %d columns and stride %d, want at least 1 and the same", x.Cols, x.Stride)
	case len(x.Data) < x.Rows*x.Cols:
		return fmt.Errorf("matrix X has %d numbers, want %d×%d", len(x.Data), x.Rows, x.Cols)
	case x.Rows > 0 && s.IDs != nil && x.Rows != len(s.IDs):
		return fmt.Errorf("matrix X has %d rows, want one for each of the %d IDs", x.Rows, len(s.IDs))
	case (s.Labels == nil) == (s.Targets == nil):
		return fmt.Errorf("the set has %d labels and %d targets, want one of the two", len(s.Labels), len(s.Targets))
	case s.Labels != nil && len(s.Labels) != n:
		return fmt.Errorf("the set has %d labels for %d examples, want one each", len(s.Labels), n)
	case s.Targets != nil && len(s.Targets) != n:
		return fmt.Errorf("the set has %d targets for %d examples, want one each", len(s.Targets), n)
	}
	if s.Lens != nil {
		sum := 0
		for i, l := range s.Lens {
			if l < 1 {
				return fmt.Errorf("sequence %d has length %d, want at least 1", i, l)
			}
			sum += l
		}
		if sum != batch.Rows(s.Batch) {
			return fmt.Errorf("the sequences have %d positions, want one for each of the %d rows", sum, batch.Rows(s.Batch))
		}
	}
	// A single NaN would make every weight NaN in the first step.
	for i, v := range x.Data[:x.Rows*x.Cols] {
		if !finite(float64(v)) {
			return fmt.Errorf("row %d, column %d of X is %v, want a finite number", i/x.Cols, i%x.Cols, v)
		}
	}
	for i, v := range s.Targets {
		if !finite(float64(v)) {
			return fmt.Errorf("target %d is %v, want a finite number", i, v)
		}
	}
	return nil
}

// BalancedWeights returns Config.ClassWeights that give all classes the same
// total weight in the loss: n / (classes·nᵢ) for class i, scikit-learn's
// "balanced", and 0 for a class without examples.
func (s Set) BalancedWeights(classes int) []float64 {
	w := make([]float64, classes)
	for _, label := range s.Labels {
		w[label]++
	}
	for i, count := range w {
		if count > 0 {
			w[i] = float64(len(s.Labels)) / (float64(classes) * count)
		}
	}
	return w
}

// varied reports whether labels or targets differ.
func (s Set) varied() bool {
	for i := range s.Len() {
		if s.Labels != nil && s.Labels[i] != s.Labels[0] || s.Targets != nil && s.Targets[i] != s.Targets[0] {
			return true
		}
	}
	return false
}

// Select returns a copy of the examples with the given indices, in their order.
func (s Set) Select(indices []int) Set {
	var g gatherer
	g.reset(s)
	return g.gather(indices)
}

// A gatherer copies examples of a set into a batch, reusing its memory.
type gatherer struct {
	from Set
	at   []int // offsets of from
	to   Set
}

// reset sets where examples come from; offsets are computed once.
func (g *gatherer) reset(from Set) { g.from, g.at = from, batch.Offsets(from.Batch) }

// gather returns the examples with the given indices. The next call overwrites
// them.
func (g *gatherer) gather(indices []int) Set {
	d, from, to := g.from.X.Cols, &g.from, &g.to
	x := to.X.Data[:0]
	// nil stays nil if nothing is appended, which tells kinds of sets apart.
	to.IDs, to.Lens, to.Labels, to.Targets = to.IDs[:0], to.Lens[:0], to.Labels[:0], to.Targets[:0]
	rows := 0
	for _, i := range indices {
		r0, r1 := i, i+1
		if g.at != nil {
			r0, r1 = g.at[i], g.at[i+1]
			to.Lens = append(to.Lens, r1-r0)
		}
		rows += r1 - r0
		// Sets of tokens have no X.
		if from.X.Rows > 0 {
			x = append(x, from.X.Data[r0*d:r1*d]...)
		}
		if from.IDs != nil {
			to.IDs = append(to.IDs, from.IDs[r0:r1]...)
		}
		if from.Labels != nil {
			to.Labels = append(to.Labels, from.Labels[i])
		}
		if from.Targets != nil {
			to.Targets = append(to.Targets, from.Targets[i])
		}
	}
	to.X = blas32.General{Cols: d, Stride: d, Data: x}
	if from.X.Rows > 0 {
		to.X.Rows = rows
	}
	return *to
}
