package train

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A group is parameters that begin to train in the same epoch: neighbours in
// the order of the network, with an optimizer of their own.
type group struct {
	params []*nn.Param
	rates  []float64 // their Rate before the training
	start  int       // the first epoch that they train in
	opt    nn.AdamW
}

// groups returns the parameters of net that are not frozen, in their order,
// and multiplies their Rate by their block's part in the learning rate. c has
// its defaults.
func (c Config) groups(net *nn.Network) []*group {
	var all []*group
	add := func(l nn.Layer, above int) { // blocks and head above it
		start := 1
		if c.GradualUnfreezing {
			start += above
		}
		for _, p := range l.Params() {
			if p.Frozen {
				continue
			}
			if n := len(all); n == 0 || all[n-1].start != start {
				opt := nn.AdamW{Beta1: c.AdamBeta1, Beta2: c.AdamBeta2, Epsilon: c.AdamEpsilon, WeightDecay: c.WeightDecay}
				all = append(all, &group{start: start, opt: opt})
			}
			s := all[len(all)-1]
			s.params, s.rates = append(s.params, p), append(s.rates, p.Rate)
			p.Rate = or(p.Rate, 1) * math.Pow(c.LayerDecay, float64(above))
		}
	}
	for i, b := range net.Blocks {
		add(b, len(net.Blocks)-i)
	}
	add(net.Head, 0)
	return all
}

// enter freezes the parameters that do not train yet in that epoch, and no
// others.
func (s *group) enter(epoch int) {
	for _, p := range s.params {
		p.Frozen = epoch < s.start
	}
}

// leave gives the parameters back what they had before the training.
func (f *fit) leave() {
	for _, s := range f.groups {
		for i, p := range s.params {
			p.Frozen, p.Rate = false, s.rates[i]
		}
	}
}

// moments returns a slice for each parameter, nil for one that has not moved.
func (s *group) moments() (m, v [][]float32) {
	if m, v = s.opt.Moments(); m == nil {
		m, v = make([][]float32, len(s.params)), make([][]float32, len(s.params))
	}
	return m, v
}

// moves reports whether p, one of s, has moments after that many epochs.
func (s *group) moves(p *nn.Param, epochs int) bool { return p.Grad != nil && epochs >= s.start }

// restore sets the optimizer to where it was after that many epochs of so many
// steps.
func (s *group) restore(epochs, steps int, m, v [][]float32) {
	if epochs < s.start {
		return
	}
	m, v = slices.Clone(m), slices.Clone(v)
	for i, p := range s.params {
		if !s.moves(p, epochs) {
			m[i], v[i] = nil, nil
		}
	}
	s.opt.Restore((epochs-s.start+1)*steps, m, v)
}
