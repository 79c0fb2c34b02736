// Package outcome learns from the finished trials of a study which parameters can run, and how long
// they take.
package outcome

import (
	"math"
	"math/rand/v2"
	"slices"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Chances tell how likely parameters run to their end. There is one classifier for each way not to:
// trials that were infeasible, such as those that ran out of memory, and trials that failed.
type Chances struct {
	space   space.Space
	causes  []cause
	caution float64
	trials  []*trial.Trial // from which they were learned
}

// A cause is a way not to run. Its failures may have nothing to do with the parameters: a broken
// driver or a lost worker. How well the parameters explain them decides.
type cause struct {
	explained *probit
	share     float64 // the probability that the parameters decide
	constant  float64 // the chance to run if they do not
}

// The chance to the power of the caution multiplies what samplers maximize: a trial that does not run
// costs a trial, and just beyond the border of the memory the chance is still a half. With 1, a fifth to
// a fourth of the trials did not run; with 20, which hardly matters above a chance of 95 %, a tenth, and
// the best trials were better. A search that has come so close to the border that nothing else promises
// anything would try it again and again; so each of the lookBack last trials that did not run
// doubles it.
const (
	caution  = 20
	lookBack = 10
)

// Only the latest trials count, since a fit takes time in proportion to the cube of their number.
const (
	latestFailed = 40 // of each cause
	latestRun    = 60
)

// certain is the probability from which failures count as explained: the little that is left would
// bound how much a point is avoided that promises the most just beyond what runs.
const certain = 0.97

// slopes are those of the kernels that are tried; the best one is used.
var slopes = [...]float64{0.3, 1, 3, 10, 30}

// newChances returns the chances after some finished trials, of the last of which some did not run.
func newChances(run, infeasible, failed []*trial.Trial, misses int) *Chances {
	run = run[max(0, len(run)-latestRun):]
	infeasible, failed = infeasible[max(0, len(infeasible)-latestFailed):], failed[max(0, len(failed)-latestFailed):]
	c := &Chances{caution: math.Ldexp(caution, misses), trials: slices.Concat(run, infeasible, failed)}
	c.space = axesOf(c.trials)
	// What is infeasible is so because of its parameters: the objective says so.
	c.learn(run, infeasible, 1)
	c.learn(run, failed, 0.5)
	return c
}

// learn adds a cause, given the probability before any trial that parameters decide.
func (c *Chances) learn(run, failed []*trial.Trial, prior float64) {
	if len(failed) == 0 {
		return
	}
	var points [][]float64
	var outcomes []float64
	for i, t := range slices.Concat(run, failed) {
		points = append(points, placeOf(c.space, t))
		outcomes = append(outcomes, 1)
		if i >= len(run) {
			outcomes[i] = -1
		}
	}
	var best *probit
	for _, slope := range slopes {
		if p := fit(newKernel(c.space, slope), points, outcomes); p != nil && (best == nil || p.evidence > best.evidence) {
			best = p
		}
	}
	if best == nil {
		return
	}
	n := cause{explained: best, share: 1}
	if chance := fit(newKernel(c.space, 0), points, outcomes); prior < 1 && chance != nil {
		n.share = 1 / (1 + (1-prior)/prior*math.Exp(chance.evidence-best.evidence))
		n.constant = math.Exp(chance.log(points[0], nil, nil))
		if n.share > certain {
			n.share = 1
		}
	}
	c.causes = append(c.causes, n)
}

// At returns the chance to run of parameters, given their values in internal form.
func (c *Chances) At(value func(name string) (float64, bool)) float64 {
	z := place(c.space, value)
	product := 1.0
	for _, n := range c.causes {
		product *= n.share*math.Exp(n.explained.log(z, nil, nil)) + (1-n.share)*n.constant
	}
	return product
}

// Worth returns the logarithm of the factor for what samplers maximize, given values in internal form.
func (c *Chances) Worth(value func(name string) (float64, bool)) float64 {
	return c.WorthAt(place(c.space, value), nil)
}

// Space returns the parameters that chances depend on.
func (c *Chances) Space() space.Space { return c.space }

// Place returns the place of parameters for WorthAt, given their values in internal form.
func (c *Chances) Place(value func(name string) (float64, bool)) []float64 {
	return place(c.space, value)
}

// WorthAt returns Worth at a place: a coordinate in [-1, 1] for each parameter of Space, of a choice its
// index, NaN where there is none. Unless grad is nil, it adds the gradient to that, except on axes of
// choices.
//
// If failures may be flukes, the factor is a mean over both cases, and 1 where they are: so a point with
// many failures near it is avoided only as far as it is certain that they are not.
func (c *Chances) WorthAt(z, grad []float64) float64 {
	sum := 0.0
	for _, n := range c.causes {
		power := func(log float64) float64 { return n.share * math.Exp(c.caution*log) }
		log := n.explained.log(z, func(log float64) float64 {
			if n.share == 1 {
				return c.caution
			}
			return c.caution * power(log) / (power(log) + 1 - n.share)
		}, grad)
		if n.share == 1 { // the power may underflow
			sum += c.caution * log
		} else {
			sum += math.Log(power(log) + 1 - n.share)
		}
	}
	return sum
}

// Draw returns parameters that probably run, at random or by beliefs, for a trial: the first ones with
// a chance of at least likely, or else the best of many. They are those of no earlier trial nor of a
// running one, while others are found. A parameter that depends on another one may not exist in the trial.
func (c *Chances) Draw(beliefs space.Space, t *trial.Trial, running []*trial.Trial, r *rand.Rand) map[string]float64 {
	running = slices.DeleteFunc(slices.Clone(running), func(u *trial.Trial) bool { return u.Number == t.Number })
	var best map[string]float64
	highest := -1.0
	for range tries {
		values := random(c.space, beliefs, t, r)
		chance := c.At(func(name string) (float64, bool) { v, ok := values[name]; return v, ok })
		if tried(c.trials, values) || tried(running, values) {
			chance = 0
		}
		if chance > highest {
			best, highest = values, chance
		}
		if highest >= c.likely() {
			break
		}
	}
	return best
}

// likely is the chance from which a random draw is accepted. Where failures are flukes, all chances
// are below 1 by the same factor.
func (c *Chances) likely() float64 {
	likely := 0.85
	for _, n := range c.causes {
		likely *= n.share + (1-n.share)*n.constant
	}
	return likely
}
