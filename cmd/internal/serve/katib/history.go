package katib

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/katib/pb"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The labels of a trial that we suggested. They come back with it: Katib keeps no numbers.
const (
	numberLabel = "bluefin-number"
	seenLabel   = "bluefin-seen" // how many trials had finished, of those that we are told about
)

// mostTrials bounds the time and memory of one request.
const mostTrials = 20_000

// A past is the history of an experiment, as far as a request tells.
type past struct {
	trials   []*trial.Trial // the finished ones in finishing order, then the others; numbers without gaps
	finished int            // how many of them are finished and in the request
}

// history reads the trials of a request. next is how many suggestions there have been, 0 if unknown.
func (x *experiment) history(told []*pb.Trial, next int) (past, error) {
	if n := max(len(told), next); n > mostTrials {
		return past{}, fmt.Errorf("the experiment has %d trials, want at most %d", n, mostTrials)
	}
	all := make([]*trial.Trial, len(told))
	for i, t := range told {
		var err error
		if all[i], err = x.trial(t); err != nil {
			return past{}, fmt.Errorf("trial %.100q: %w", t.GetName(), err)
		}
	}
	last, ok := numbered(told, all)
	if !ok {
		numberByStart(told, all)
		last = len(all) - 1
	}
	finished := slices.DeleteFunc(slices.Clone(all), func(t *trial.Trial) bool { return !t.State.Finished() })
	slices.SortFunc(finished, func(a, b *trial.Trial) int {
		return cmp.Or(a.End.Compare(b.End), a.Number-b.Number)
	})
	if !ok {
		seenByTime(finished, all)
	}
	p := past{trials: finished, finished: len(finished)}
	// Katib leaves out trials without metrics, and those that do not exist yet: they teach nothing, but
	// their numbers are used.
	free := make([]bool, max(last+1, next))
	for i := range free {
		free[i] = true
	}
	for _, t := range all {
		free[t.Number] = false
	}
	for number, isFree := range free {
		if isFree {
			p.trials = append(p.trials, &trial.Trial{Number: number, State: trial.Failed})
		}
	}
	slices.SortFunc(all, func(a, b *trial.Trial) int { return a.Number - b.Number })
	for _, t := range all {
		t.Seen = min(t.Seen, p.finished)
		if !t.State.Finished() {
			p.trials = append(p.trials, t)
		}
	}
	return p, nil
}

// numbered sets the numbers from the labels. It reports false if a trial lacks them, as in Katib before
// version 0.16, or two have the same.
func numbered(told []*pb.Trial, all []*trial.Trial) (last int, ok bool) {
	last = -1
	taken := map[int]bool{}
	for i, t := range all {
		labels := told[i].GetSpec().GetLabels()
		number, err := strconv.Atoi(labels[numberLabel])
		seen, seenErr := strconv.Atoi(labels[seenLabel])
		if err != nil || seenErr != nil || number < 0 || number >= mostTrials || seen < 0 || taken[number] {
			return 0, false
		}
		taken[number] = true
		t.Number, t.Seen, last = number, seen, max(last, number)
	}
	return last, true
}

// numberByStart numbers trials in the order in which they started. Katib sends them in any order.
func numberByStart(told []*pb.Trial, all []*trial.Trial) {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(all[a].Start.Compare(all[b].Start), cmp.Compare(told[a].GetName(), told[b].GetName()))
	})
	for number, i := range order {
		all[i].Number = number
	}
}

// seenByTime says of each trial how many had finished when it started. Without times trials ran one after
// the other.
func seenByTime(finished, all []*trial.Trial) {
	ends := make([]time.Time, len(finished))
	numbers := make([]int, len(finished))
	for i, t := range finished {
		ends[i], numbers[i] = t.End, t.Number
	}
	slices.Sort(numbers)
	for _, t := range all {
		if t.Start.IsZero() {
			t.Seen, _ = slices.BinarySearch(numbers, t.Number)
			continue
		}
		t.Seen, _ = slices.BinarySearchFunc(ends, t.Start, func(end, start time.Time) int {
			if end.After(start) {
				return 1
			}
			return -1
		})
	}
}

// trial reads a trial without its number.
func (x *experiment) trial(told *pb.Trial) (*trial.Trial, error) {
	status, t := told.GetStatus(), &trial.Trial{State: trial.Failed}
	var err error
	if t.Start, err = instant("start time", status.GetStartTime()); err != nil {
		return nil, err
	}
	if t.End, err = instant("completion time", status.GetCompletionTime()); err != nil {
		return nil, err
	}
	value, known, err := x.value(told)
	if err != nil {
		return nil, err
	}
	switch status.GetCondition() {
	case pb.TrialStatus_CREATED, pb.TrialStatus_RUNNING:
		t.State, t.End = trial.Running, time.Time{}
	case pb.TrialStatus_SUCCEEDED:
		switch {
		case !known:
			return t, nil // Katib's services leave it out too
		case !math.IsNaN(value):
			t.State, t.Values = trial.Complete, []float64{value}
		}
	case pb.TrialStatus_EARLYSTOPPED:
		if t.State = trial.Pruned; known && !math.IsNaN(value) {
			t.Values, t.Reports = []float64{value}, []trial.Report{{Value: value}}
		}
	case pb.TrialStatus_FAILED:
	default: // killed, or without metrics: that says nothing about its parameters
		return t, nil
	}
	t.Params, err = x.assigned(told.GetSpec().GetParameterAssignments().GetAssignments())
	return t, err
}

func instant(what, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || at.Year() < 1 {
		return time.Time{}, fmt.Errorf("%s is %.100q, want a time like 2006-01-02T15:04:05Z", what, text)
	}
	return at, nil
}

// unavailable is Katib's value of a metric that was not found.
const unavailable = "unavailable"

// value returns that of the objective, which is NaN for a training that diverged, and whether there is one.
func (x *experiment) value(told *pb.Trial) (v float64, known bool, err error) {
	name := cmp.Or(told.GetSpec().GetObjective().GetObjectiveMetricName(), x.metric)
	for _, m := range told.GetStatus().GetObservation().GetMetrics() {
		if m.GetName() != name || m.GetValue() == unavailable || m.GetValue() == "" {
			continue
		}
		// The last one counts, as in Katib's services.
		if v, err = strconv.ParseFloat(m.GetValue(), 64); err != nil {
			return 0, false, fmt.Errorf("metric %.100q is %.100q, want a number", name, m.GetValue())
		}
		known = true
	}
	return v, known, nil
}

// assigned returns the parameters of a trial, in the order of the experiment.
func (x *experiment) assigned(told []*pb.ParameterAssignment) ([]trial.Param, error) {
	params, given := make([]trial.Param, len(x.params)), make([]bool, len(x.params))
	for _, a := range told {
		i, ok := x.byName[a.GetName()]
		switch {
		case !ok:
			return nil, fmt.Errorf("parameter %.100q is not one of the experiment", a.GetName())
		case given[i]:
			return nil, fmt.Errorf("parameter %.100q is assigned twice", a.GetName())
		}
		value, err := x.params[i].internal(a.GetValue())
		if err != nil {
			return nil, fmt.Errorf("parameter %.100q: %w", a.GetName(), err)
		}
		params[i], given[i] = trial.Param{Name: a.GetName(), Value: value, Dist: x.params[i].Dist}, true
	}
	if i := slices.Index(given, false); i >= 0 {
		return nil, fmt.Errorf("parameter %.100q is not assigned", x.params[i].Name)
	}
	return params, nil
}
