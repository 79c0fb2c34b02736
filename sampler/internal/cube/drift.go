package cube

import "github.com/bluefin-hpo/bluefin/space"

// A Drift follows the distribution of one parameter from trial to trial.
type Drift struct {
	Dist   space.Dist // of the last trial
	ranges int        // how often it changed, the first one included
	run    int        // consecutive trials with Dist, up to the last one
}

// With returns the drift after one more trial.
func (d Drift) With(dist space.Dist) Drift {
	if d.ranges > 0 && space.Equal(d.Dist, dist) {
		d.run++
		return d
	}
	return Drift{dist, d.ranges + 1, 1}
}

// Settled reports whether Dist is worth a model: it has never changed, or has
// lasted for as many trials as there were ranges. A range changed by hand settles
// soon; one that every trial computes itself never does.
func (d Drift) Settled() bool { return d.ranges == 1 || d.run >= d.ranges }
