package sampler

import (
	"github.com/bluefin-hpo/bluefin/sampler/internal/auto"
	"github.com/bluefin-hpo/bluefin/sampler/internal/sobol"
	"github.com/bluefin-hpo/bluefin/space"
)

const (
	evenTrials = 10       // that have to finish before points are no longer spread evenly
	middle     = 0.7      // of each range, in which they are spread
	jitter     = 1.0 / 16 // the width of the cell in which a point is drawn
)

// startAt returns the coordinate of a parameter in one of the first trials of a study with one
// objective, if it has many values and nothing is believed about it. The points are the Sobol
// sequence from its second on, which is the centre; each later one is drawn from a small cell.
// As in QMC, the trial's number is the index and the k-th parameter takes coordinate k.
func startAt(r Request, name string, d space.Dist) (u float64, ok bool) {
	dim, index := len(r.Trial.Params), uint64(r.Trial.Number)+1
	if len(r.History.Directions()) > 1 || r.History.NumRanked() >= evenTrials ||
		r.Beliefs.Belief(name, d) != nil || !auto.IsRich(d) || dim >= sobol.MaxDim {
		return 0, false
	}
	u = sobol.At(index, dim, nil)
	if index > 1 {
		u += (r.Rand.Float64() - 0.5) * jitter
	}
	return 0.5 + middle*(u-0.5), true
}
