package belief

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/sampler/internal/cube"
	"github.com/bluefin-hpo/bluefin/sampler/internal/rank"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The neighbourhood of the incumbent, as in PriorBand's own code.
const (
	radius  = 0.25 // the deviation of a parameter that is changed
	changed = 0.5  // how likely it is that one is
)

// A Band is PriorBand over the trials of a history: each draw is uniform, from the beliefs or near
// the best trial.
type Band struct {
	History trial.History
	Beliefs space.Space // that are held
	Least   int         // steps of the first rung of the first bracket, at least 1
	Factor  float64     // one in this many trials passes each rung, at least 2
}

// Draw draws all parameters with beliefs and those that all trials have.
func (b Band) Draw(t *trial.Trial, r *rand.Rand) map[string]float64 {
	values := map[string]float64{}
	if t.Number == 0 {
		return Startup(b.Beliefs, t, r)
	}
	dims := b.space()
	best := b.incumbents()
	uniform, believing := b.shares(dims, best)
	u := r.Float64()
	forced := r.IntN(max(len(dims), 1)) // so that no point is tried twice
	for i, d := range dims {
		switch {
		case u < uniform:
			values[d.Name] = d.Dist.Value(r.Float64())
		case u < uniform+believing && d.Belief != nil:
			values[d.Name] = Of(d).Draw(r)
		case u < uniform+believing:
			values[d.Name] = d.Dist.Value(r.Float64())
		default:
			values[d.Name] = around(d.Dist, best[0], d.Name, r, i == forced)
		}
	}
	return values
}

// space returns the parameters to draw, sorted by name.
func (b Band) space() space.Space {
	dims := slices.Clone(b.Beliefs)
	for _, d := range b.History.RankedSpace() {
		if _, ok := b.Beliefs.Get(d.Name); !ok {
			dims = append(dims, d)
		}
	}
	slices.SortFunc(dims, func(a, b space.Dimension) int { return strings.Compare(a.Name, b.Name) })
	return dims
}

// incumbents returns the best complete and feasible trials, one in Factor, best first.
func (b Band) incumbents() []*trial.Trial {
	var all []*trial.Trial
	for _, t := range b.History.Finished() {
		if t.State == trial.Complete && t.Violation() == 0 {
			all = append(all, t)
		}
	}
	if len(b.History.Directions()) != 1 || float64(len(all)) < b.Factor {
		return nil
	}
	slices.SortStableFunc(all, rank.ByValue(b.History.Directions()[0]))
	return all[:int(math.Ceil(float64(len(all))/b.Factor))]
}

// shares returns how many draws are uniform and how many are from the beliefs. The longer the first
// rung of the bracket, the fewer are uniform. The others are split between the beliefs and the
// neighbourhood of the best trial, by how likely each makes the best trials.
func (b Band) shares(dims space.Space, best []*trial.Trial) (uniform, believing float64) {
	uniform = 1 / (1 + float64(b.first())/float64(b.Least))
	if best == nil {
		return uniform, 1 - uniform
	}
	if len(b.Beliefs) == 0 {
		return uniform, 0
	}
	believed, near := 0.0, 0.0
	for i, t := range best {
		weight := float64(len(best) - i)
		believed += weight * math.Exp(likelihood(t, b.Beliefs))
		near += weight * math.Exp(likelihood(t, incumbent(dims, best[0])))
	}
	if !(believed+near > 0) {
		return uniform, 0
	}
	return uniform, (1 - uniform) * believed / (believed + near)
}

// first returns the fewest steps after which a trial of the bracket was pruned, Least if none was.
func (b Band) first() int {
	steps := math.MaxInt
	for _, t := range b.History.Finished() {
		if last, ok := t.LastReport(); ok && t.State == trial.Pruned {
			steps = min(steps, last.Step)
		}
	}
	if steps == math.MaxInt {
		return b.Least
	}
	return max(steps, b.Least)
}

// incumbent returns beliefs around a trial.
func incumbent(dims space.Space, t *trial.Trial) space.Space {
	var all space.Space
	for _, d := range dims {
		if p, ok := t.Param(d.Name); ok && space.Equal(p.Dist, d.Dist) {
			if b, err := space.NewBelief(d.Dist, p.External(), radius); err == nil {
				all = append(all, space.Dimension{Name: d.Name, Dist: d.Dist, Belief: b})
			}
		}
	}
	return all
}

// likelihood is the logarithm of the joint density at a trial, without a floor.
func likelihood(t *trial.Trial, beliefs space.Space) float64 {
	sum := 0.0
	for _, d := range beliefs {
		if p, ok := t.Param(d.Name); ok && space.Equal(p.Dist, d.Dist) {
			value, _ := Of(d).Log(cube.Unit(d.Dist, p.Value))
			sum += value
		}
	}
	return sum
}

// around returns a value near that of a trial, perhaps the same unless forced, or any if the trial
// does not have the parameter.
func around(d space.Dist, t *trial.Trial, name string, r *rand.Rand, forced bool) float64 {
	p, ok := t.Param(name)
	switch change := r.Float64() < changed || forced; {
	case !ok || !d.Contains(p.Value), change && cube.IsCategorical(d):
		return d.Value(r.Float64())
	case change:
		return d.Value(min(max(d.Unit(p.Value)+radius*r.NormFloat64(), 0), 1))
	}
	return p.Value
}
