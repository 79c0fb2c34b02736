package space

import (
	"math"
	"slices"
)

// A Belief says where a good value of a parameter probably is. Samplers that know beliefs draw from
// them at first and trust them less with each trial. The distribution of the parameter says nothing
// about it: two that differ only in their beliefs are Equal.
type Belief struct {
	// Center is the most likely value of a Float or Int, in internal form.
	Center float64

	// Spread is the standard deviation around Center, above 0, as a share of the range on its own
	// scale: 0.1 of a logarithmic range from 1e-6 to 1e-1 is half a decade.
	Spread float64

	// Weights say how likely each choice of a Categorical is, relative to the others.
	Weights []float64

	err error // Near was given something impossible
}

// A Confidence is how sure a belief is: the standard deviation around its centre as a share of the
// range. Of choices, each of the others weighs twice that share of the best one.
type Confidence float64

// Useful confidences. Confident means that two of three good values are within a tenth of the range.
const (
	Vague     Confidence = 0.3
	Confident Confidence = 0.1
	Certain   Confidence = 0.03
)

// A Believed is a Domain with a belief, such as the result of Near.
type Believed interface {
	Belief() *Belief // nil: there is none
}

// Near returns d with the belief that a good value is near x. Suggesting it fails if d does not
// contain x or c is not a finite number above 0.
func Near[T any](d Domain[T], x T, c Confidence) Domain[T] { return near[T]{d, x, c} }

// Near returns d with the belief that a good value is near x; see the function Near.
func (d Float) Near(x float64, c Confidence) Domain[float64] { return Near[float64](d, x, c) }

// Near returns d with the belief that a good value is near x; see the function Near.
func (d Int) Near(x int, c Confidence) Domain[int] { return Near[int](d, x, c) }

// Near returns d with the belief that x is the best choice; see the function Near.
func (d Categorical) Near(x any, c Confidence) Domain[any] { return Near[any](d, x, c) }

// Near returns c with the belief that x is the best choice; see the function Near.
func (c Choices[T]) Near(x T, sure Confidence) Domain[T] { return Near[T](c, x, sure) }

type near[T any] struct {
	Domain[T]
	center T
	sure   Confidence
}

// Belief implements Believed.
func (n near[T]) Belief() *Belief { return around(n.Dist(), n.center, n.sure) }

// NewBelief returns the belief that a good value of d is near v, which is in external form. The
// error matches ErrInvalid.
func NewBelief(d Dist, v any, c Confidence) (*Belief, error) {
	b := around(d, v, c)
	return b, b.Check(d)
}

// around returns the belief of NewBelief, with the error inside.
func around(d Dist, v any, c Confidence) *Belief {
	if err := d.Check(); err != nil {
		return &Belief{err: err}
	}
	x, err := d.Internal(v)
	switch {
	case err != nil:
		return &Belief{err: invalid("center is %s, want %v", show(v), d)}
	case !(c > 0) || math.IsInf(float64(c), 1):
		return &Belief{err: invalid("confidence is %v, want a finite number above 0", float64(c))}
	}
	choices, ok := d.(Categorical)
	if !ok {
		return &Belief{Center: x, Spread: float64(c)}
	}
	weights := slices.Repeat([]float64{min(2*float64(c), 1)}, len(choices.Choices))
	weights[int(x)] = 1
	return &Belief{Weights: weights}
}

// BeliefOf returns the belief of a domain, nil if it has none.
func BeliefOf[T any](d Domain[T]) *Belief {
	if b, ok := d.(Believed); ok {
		return b.Belief()
	}
	return nil
}

// Check returns an error that matches ErrInvalid, and names the field, its value and what is
// allowed, if b is no belief about d.
func (b *Belief) Check(d Dist) error {
	if b.err != nil {
		return b.err
	}
	c, choices := d.(Categorical)
	switch {
	case choices && b.Spread != 0:
		return invalid("spread is %v, want 0: choices have weights", b.Spread)
	case choices:
		return b.checkWeights(len(c.Choices))
	case b.Weights != nil:
		return invalid("it has %d weights, want none: %v has a center and a spread", len(b.Weights), d)
	case !d.Contains(b.Center):
		return invalid("center is %v, want %v", b.Center, d)
	case !(b.Spread > 0) || math.IsInf(b.Spread, 1):
		return invalid("spread is %v, want a finite number above 0", b.Spread)
	}
	return nil
}

func (b *Belief) checkWeights(choices int) error {
	if n := len(b.Weights); n != choices {
		return invalid("it has %d weights, want %d: one for each choice", n, choices)
	}
	for i, w := range b.Weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return invalid("weight %d is %v, want a finite number of at least 0", i, w)
		}
	}
	if slices.Max(b.Weights) == 0 {
		return invalid("all weights are 0, want at least one above it")
	}
	return nil
}

// Mode returns the most likely value, in internal form; of equally likely choices the first.
func (b *Belief) Mode() float64 {
	if b.Weights == nil {
		return b.Center
	}
	return float64(slices.Index(b.Weights, slices.Max(b.Weights)))
}

// Same reports whether a and b believe the same. Either may be nil.
func (b *Belief) Same(a *Belief) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Center == b.Center && a.Spread == b.Spread && slices.Equal(a.Weights, b.Weights)
}
