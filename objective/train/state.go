package train

import (
	"errors"
	"fmt"

	"github.com/bluefin-hpo/bluefin/objective/nn"
)

// ErrState is matched by the error of Fit if it cannot go on from the state
// that it was given.
var ErrState = errors.New("finetune: bad checkpoint")

// A State is a training after an epoch: with the arguments of Fit it is all
// that the rest of the training depends on. The number of steps taken, which
// the schedule and the optimizer need, the order of the examples and the
// dropout follow from the epoch; how long there was no better epoch follows
// from the epoch and the best one.
//
// The arrays have one slice per parameter of the network, in its order and as
// long as its Value.
type State struct {
	Epoch int     // the last one that was run, from 1 on
	Best  Metrics // of the best epoch so far

	Weights     [][]float32 // of the network
	BestWeights [][]float32 // those after the best epoch
	M, V        [][]float32 // moments of AdamW
}

// state returns the state after the last epoch of r, in the memory of f and
// kept.
func (f *fit) state(r Result, kept [][]float32) State {
	s := State{Epoch: r.EpochsRun, Best: r.Best, BestWeights: kept}
	for _, p := range f.params {
		s.Weights = append(s.Weights, p.Value)
	}
	s.M, s.V = f.opt.Moments()
	return s
}

// check returns an error that matches ErrState unless s can be the state of a
// training of these parameters.
func (s *State) check(params []*nn.Param, c Config) error {
	if s.Epoch < 1 || s.Epoch > c.Epochs {
		return fmt.Errorf("%w: epoch is %d, want 1 to %d", ErrState, s.Epoch, c.Epochs)
	}
	if first := max(1, s.Epoch-c.Patience); s.Best.Epoch < first || s.Best.Epoch > s.Epoch {
		return fmt.Errorf("%w: the best epoch is %d of %d, want at least %d", ErrState, s.Best.Epoch, s.Epoch, first)
	}
	if !finite(s.Best.TrainLoss) || !finite(s.Best.ValidationLoss) {
		return fmt.Errorf("%w: the losses of the best epoch are %v and %v, want finite ones", ErrState, s.Best.TrainLoss, s.Best.ValidationLoss)
	}
	for _, a := range []struct {
		name   string
		values [][]float32
	}{{"weights", s.Weights}, {"best weights", s.BestWeights}, {"first moments", s.M}, {"second moments", s.V}} {
		if len(a.values) != len(params) {
			return fmt.Errorf("%w: there are %s of %d parameters, want %d", ErrState, a.name, len(a.values), len(params))
		}
		for i, p := range params {
			if len(a.values[i]) != len(p.Value) {
				return fmt.Errorf("%w: there are %d %s of parameter %d, want %d", ErrState, len(a.values[i]), a.name, i, len(p.Value))
			}
		}
	}
	return nil
}
