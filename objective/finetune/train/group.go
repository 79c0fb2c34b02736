package train

import (
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// A group is neighbouring parameters that start to train in the same epoch and share an optimizer.
type group struct {
	params []*nn.Param
	rates  []float64 // Rate before the training
	start  int       // first epoch in which they train
	opt    nn.AdamW
}

// groups returns the groups of net's unfrozen parameters, in order, and multiplies the parameters'
// Rate by LayerDecay. c has its defaults.
func (c Config) groups(net *nn.Network) []*group {
	var all []*group
	add := func(l nn.Layer, above int) { // counting the head
		start := 1
		if c.GradualUnfreezing {
			// The head starts in epoch 1, the last block in epoch 2.
			start += above
		}
		for _, p := range l.Params() {
			if p.Frozen {
				continue
			}
			// One optimizer for all that start together: its count of steps begins there.
			if n := len(all); n == 0 || all[n-1].start != start {
				opt := nn.AdamW{Beta1: c.AdamBeta1, Beta2: c.AdamBeta2, Epsilon: c.AdamEpsilon, WeightDecay: c.WeightDecay}
				all = append(all, &group{start: start, opt: opt})
			}
			s := all[len(all)-1]
			// Kept, because the network outlives the training.
			s.params, s.rates = append(s.params, p), append(s.rates, p.Rate)
			p.Rate = or(p.Rate, 1) * math.Pow(c.LayerDecay, float64(above))
		}
	}
	for i, b := range net.Blocks {
		add(b, len(net.Blocks)-i)
	}
	// Last, so groups are in the network's order, as states are.
	add(net.Head, 0)
	return all
}

// enter freezes exactly the parameters that do not train yet in that epoch.
func (s *group) enter(epoch int) {
	for _, p := range s.params {
		p.Frozen = epoch < s.start
	}
}

// leave restores the parameters' Frozen and Rate from before the training.
func (f *fit) leave() {
	for _, s := range f.groups {
		for i, p := range s.params {
			p.Frozen, p.Rate = false, s.rates[i]
		}
	}
}

// moments returns a slice per parameter, nil for one that has not trained.
func (s *group) moments() (m, v [][]float32) {
	// Before its first step an optimizer has none.
	if m, v = s.opt.Moments(); m == nil {
		m, v = make([][]float32, len(s.params)), make([][]float32, len(s.params))
	}
	return m, v
}

// moves reports whether p, a parameter of s, has moments after that many epochs.
func (s *group) moves(p *nn.Param, epochs int) bool { return p.Grad != nil && epochs >= s.start }

// restore sets the optimizer to its state after that many epochs of steps each.
func (s *group) restore(epochs, steps int, m, v [][]float32) {
	// It has not stepped yet.
	if epochs < s.start {
		return
	}
	// The caller's state must not change.
	m, v = slices.Clone(m), slices.Clone(v)
	for i, p := range s.params {
		if !s.moves(p, epochs) {
			m[i], v[i] = nil, nil
		}
	}
	// Steps count from the group's own first epoch.
	s.opt.Restore((epochs-s.start+1)*steps, m, v)
}
