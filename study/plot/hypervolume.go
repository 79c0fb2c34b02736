package plot

import (
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/pareto"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A HypervolumePlot shows how much of the space of objectives the trials so far dominate.
type HypervolumePlot struct {
	Reference []Float            `json:"reference"` // the worst point that counts
	Points    []HypervolumePoint `json:"points"`    // the complete trials, by number
}

// A HypervolumePoint is a complete trial.
type HypervolumePoint struct {
	Trial  int   `json:"trial"`
	Volume Float `json:"volume"` // of this trial and those with lower numbers
}

// Hypervolume returns the volume between a reference point and the feasible trials so far, exactly.
// Trials that are not better than the reference in every objective add nothing. Without a reference
// it is the worst value of the feasible trials in each objective, made worse by a tenth. A volume
// too large for a float64 is infinite. It fails for a study with one objective.
func Hypervolume(h trial.History, reference []float64) (HypervolumePlot, error) {
	if err := several(h); err != nil {
		return HypervolumePlot{}, err
	}
	directions := h.Directions()
	switch {
	case reference != nil && len(reference) != len(directions):
		return HypervolumePlot{}, fmt.Errorf("reference has %d values, want %d", len(reference), len(directions))
	case !allFinite(reference):
		return HypervolumePlot{}, fmt.Errorf("reference is %v, want finite values", reference)
	}
	// Changes the sign of values to be maximized, and back.
	losses := func(values []float64) []float64 {
		list := slices.Clone(values)
		for k, d := range directions {
			if d == trial.Maximize {
				list[k] = -list[k]
			}
		}
		return list
	}
	trials := complete(h)
	ref := reference
	if ref == nil {
		ref = worst(trials, losses)
	} else {
		ref = losses(ref)
	}
	p := HypervolumePlot{Reference: []Float{}, Points: []HypervolumePoint{}}
	if ref != nil {
		for _, x := range losses(ref) {
			p.Reference = append(p.Reference, Float(x))
		}
	}
	volume, front := 0.0, [][]float64{}
	for _, t := range trials {
		if point := losses(t.Values); feasible(t) && ref != nil && !math.IsInf(volume, 0) {
			if added := pareto.Added(point, front, ref); added > 0 {
				volume += added
				front = slices.DeleteFunc(front, func(q []float64) bool { return pareto.Dominates(point, q) })
				front = append(front, point)
			}
		}
		p.Points = append(p.Points, HypervolumePoint{t.Number, Float(volume)})
	}
	return p, nil
}

// worst returns a point that is worse than the losses of all feasible trials, nil if there are none.
func worst(trials []*trial.Trial, losses func([]float64) []float64) []float64 {
	var points [][]float64
	for _, t := range trials {
		if feasible(t) && allFinite(t.Values) {
			points = append(points, losses(t.Values))
		}
	}
	if points == nil {
		return nil
	}
	ref := pareto.ReferencePoint(points)
	for k := range ref {
		ref[k] = min(ref[k], math.MaxFloat64)
	}
	return ref
}
