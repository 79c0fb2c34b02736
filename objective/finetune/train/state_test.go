package train

import (
	"context"
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// clone copies a state, of which after keeps nothing.
func clone(s State) State {
	for _, a := range []*[][]float32{&s.Weights, &s.BestWeights, &s.M, &s.V} {
		*a = slices.Clone(*a)
		for i, x := range *a {
			(*a)[i] = slices.Clone(x)
		}
	}
	return s
}

// An epoch is what Fit says after one.
type epoch struct {
	Metrics
	State
}

func fitFrom(t *testing.T, c Config, from *State) (weights [][]float32, epochs []epoch, r Result) {
	t.Helper()
	net := network()
	r, err := Fit(context.Background(), net, blobs(20, 1), blobs(100, 2), c, from, func(m Metrics, s State) error {
		epochs = append(epochs, epoch{m, clone(s)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return snapshot(nil, net.Params()), epochs, r
}

func TestFitResumesFromTheStateAfterAnyEpoch(t *testing.T) {
	for _, schedule := range schedules() {
		c := config
		c.Schedule, c.WarmupRatio, c.WeightDecay, c.BatchSize = schedule, 0.3, 0.1, 7
		want, epochs, wantResult := fitFrom(t, c, nil)
		if wantResult.Best.Epoch == wantResult.EpochsRun || len(epochs) == c.Epochs {
			t.Fatalf("%s: the best epoch is %d of %d, want a training that stops early", schedule, wantResult.Best.Epoch, len(epochs))
		}
		for i, e := range epochs {
			from := clone(e.State)
			got, rest, r := fitFrom(t, c, &from)
			if !reflect.DeepEqual(got, want) || r != wantResult {
				t.Errorf("%s, from epoch %d: result is %+v, want %+v, with the same weights", schedule, i+1, r, wantResult)
			}
			if len(rest) != len(epochs)-i-1 || len(rest) > 0 && !reflect.DeepEqual(rest, epochs[i+1:]) {
				t.Errorf("%s, from epoch %d: the %d epochs after it differ from those of the whole training", schedule, i+1, len(rest))
			}
			if !reflect.DeepEqual(from, e.State) {
				t.Errorf("%s, from epoch %d: the state has changed", schedule, i+1)
			}
		}
	}
}

func TestFitRefusesAStateThatDoesNotFit(t *testing.T) {
	c := config
	c.Epochs = 12
	_, epochs, _ := fitFrom(t, c, nil)
	good := epochs[len(epochs)-1].State
	for want, change := range map[string]func(*State){
		"epoch is 0, want 1 to 12":                               func(s *State) { s.Epoch = 0 },
		"epoch is 13, want 1 to 12":                              func(s *State) { s.Epoch = 13 },
		"the best epoch is 0 of 3, want at least 1":              func(s *State) { s.Epoch, s.Best.Epoch = 3, 0 },
		"the best epoch is 6 of 12, want at least 7":             func(s *State) { s.Epoch, s.Best.Epoch = 12, 6 },
		"the best epoch is 9 of 8, want at least 3":              func(s *State) { s.Epoch, s.Best.Epoch = 8, 9 },
		"4 epochs are stale after epoch 12, want ":               func(s *State) { s.Stale, s.Epoch, s.Best.Epoch = 4, 12, 9 },
		"losses of the best epoch are NaN and 1":                 func(s *State) { s.Best.Train.Loss, s.Best.Validation.Loss = math.NaN(), 1 },
		"losses of the best epoch are 1 and +Inf":                func(s *State) { s.Best.Train.Loss, s.Best.Validation.Loss = 1, math.Inf(1) },
		"there are weights of 3 parameters, want 4":              func(s *State) { s.Weights = s.Weights[:3] },
		"there are best weights of 0 parameters, want 4":         func(s *State) { s.BestWeights = nil },
		"there are 31 first moments of parameter 1, want 32":     func(s *State) { s.M[1] = s.M[1][:31] },
		"there are 3 second moments of parameter 3, want 2":      func(s *State) { s.V[3] = append(s.V[3], 0) },
		"there are second moments of 5 parameters, want 4":       func(s *State) { s.V = append(s.V, nil) },
		"there are 0 best weights of parameter 0, want 64":       func(s *State) { s.BestWeights[0] = nil },
		"there are 2 weights of parameter 0, want 64":            func(s *State) { slices.Reverse(s.Weights) },
		"there are first moments of 0 parameters, want 4":        func(s *State) { s.M = [][]float32{} },
		"the best epoch is 9223372036854775807 of 12, want at l": func(s *State) { s.Epoch, s.Best.Epoch = 12, math.MaxInt },
	} {
		s := clone(good)
		change(&s)
		_, err := Fit(context.Background(), network(), blobs(20, 1), blobs(100, 2), c, &s, func(Metrics, State) error {
			t.Errorf("an epoch was run from a state of which %s", want)
			return nil
		})
		if !errors.Is(err, ErrState) || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want ErrState with %q", err, want)
		}
	}
}

func TestFitRefusesAStateWithoutItsMetric(t *testing.T) {
	c := config
	c.Metric, c.Epochs = MetricAUROC, 3
	_, epochs, _ := fitFrom(t, c, nil)
	s := clone(epochs[1].State)
	s.Best.Validation.HasAUROC = false
	if _, err := Fit(context.Background(), network(), blobs(20, 1), blobs(100, 2), c, &s, nil); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "the best epoch has no auroc") {
		t.Errorf("error is %v, want ErrState", err)
	}
}
