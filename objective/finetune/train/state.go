package train

import "fmt"

// A State is a training after an epoch. With the arguments of Fit it determines the rest of the
// training: the step count, the order of the examples, dropout and frozen blocks follow from the
// epoch. There are no states within an epoch.
//
// The arrays have a slice for each parameter that was not frozen when Fit started, in the network's
// order and as long as its Value. Moments are empty for a parameter that has not trained.
type State struct {
	Epoch int     // the last epoch that was run, from 1
	Best  Metrics // of the best epoch so far
	Stale int     // epochs in a row that did not improve by EarlyStoppingThreshold

	Weights     [][]float32 // of the network
	BestWeights [][]float32 // those after the best epoch
	M, V        [][]float32 // moments of AdamW
}

// state returns the state after the last epoch of r. It shares the memory of f and kept.
func (f *fit) state(r Result, stale int, kept [][]float32) State {
	s := State{Epoch: r.EpochsRun, Best: r.Best, Stale: stale, BestWeights: kept}
	for _, p := range f.params {
		s.Weights = append(s.Weights, p.Value)
	}
	for _, st := range f.groups {
		m, v := st.moments()
		s.M, s.V = append(s.M, m...), append(s.V, v...)
	}
	return s
}

// restore sets f to the state s and returns the best epoch's weights. It changes nothing and
// returns an error matching ErrState if s is not a state of f.
func (f *fit) restore(s *State) (best [][]float32, err error) {
	// All is checked before anything changes.
	if err := f.check(s); err != nil {
		return nil, err
	}
	// Through the parameters, which makes copies of the right lengths: the state stays the
	// caller's.
	put(f.params, s.BestWeights)
	best = snapshot(nil, f.params)
	put(f.params, s.Weights)
	// Not stored, because it follows from the epoch.
	f.step = s.Epoch * f.steps
	i := 0
	for _, st := range f.groups {
		j := i + len(st.params)
		st.restore(s.Epoch, f.steps, s.M[i:j], s.V[i:j])
		i = j
	}
	return best, nil
}

// check returns an error matching ErrState if s is not a state of f.
func (f *fit) check(s *State) error {
	c := f.c
	if s.Epoch < 1 || s.Epoch > c.Epochs {
		return fmt.Errorf("%w: epoch is %d, want 1 to %d", ErrState, s.Epoch, c.Epochs)
	}
	// An older best epoch would have ended the training.
	if first := max(1, s.Epoch-c.Patience); s.Best.Epoch < first || s.Best.Epoch > s.Epoch {
		return fmt.Errorf("%w: the best epoch is %d of %d, want at least %d", ErrState, s.Best.Epoch, s.Epoch, first)
	}
	// Only a better epoch ends a run of stale ones, and the first epoch is better.
	low, high := s.Epoch-s.Best.Epoch, min(s.Epoch-1, c.Patience)
	// Then every better epoch is also progress.
	if c.EarlyStoppingThreshold == 0 {
		high = low
	}
	if s.Stale < low || s.Stale > high {
		return fmt.Errorf("%w: %d epochs are stale after epoch %d, want %d to %d", ErrState, s.Stale, s.Epoch, low, high)
	}
	if !finite(s.Best.Train.Loss) || !finite(s.Best.Validation.Loss) {
		return fmt.Errorf("%w: the losses of the best epoch are %v and %v, want finite ones", ErrState, s.Best.Train.Loss,
			s.Best.Validation.Loss)
	}
	if _, ok := c.Metric.Of(s.Best.Validation); !ok {
		return fmt.Errorf("%w: the best epoch has no %s", ErrState, c.Metric)
	}
	for _, a := range []struct {
		name   string
		values [][]float32
		moment bool
	}{{"weights", s.Weights, false}, {"best weights", s.BestWeights, false},
		{"first moments", s.M, true}, {"second moments", s.V, true}} {
		if len(a.values) != len(f.params) {
			return fmt.Errorf("%w: there are %s of %d parameters, want %d", ErrState, a.name, len(a.values), len(f.params))
		}
		i := 0
		for _, st := range f.groups {
			for _, p := range st.params {
				want := len(p.Value)
				if a.moment && !st.moves(p, s.Epoch) {
					want = 0
				}
				if len(a.values[i]) != want {
					return fmt.Errorf("%w: there are %d %s of parameter %d, want %d", ErrState, len(a.values[i]), a.name, i, want)
				}
				i++
			}
		}
	}
	return nil
}
