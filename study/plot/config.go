package plot

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/bluefin-hpo/bluefin/trial"
)

// A Config says what the plots of a study show. The zero value shows the first objective and all
// parameters.
type Config struct {
	Objective int      // from 0
	Names     []string // of the objectives; nil: "value", or "values_0" and so on
	Params    []string // in this order; nil: every parameter of the trials that are shown, sorted
}

// check returns an error if the objective or its name does not fit the study.
func (c Config) check(h trial.History) error {
	n := len(h.Directions())
	if c.Objective < 0 || c.Objective >= n {
		return fmt.Errorf("objective is %d, want 0 to %d", c.Objective, n-1)
	}
	if c.Names != nil && len(c.Names) != n {
		return fmt.Errorf("%d names of objectives, want %d", len(c.Names), n)
	}
	return nil
}

// name returns the name of an objective, for a study that c fits.
func (c Config) name(h trial.History, objective int) string {
	switch {
	case c.Names != nil:
		return c.Names[objective]
	case len(h.Directions()) == 1:
		return "value"
	}
	return fmt.Sprintf("values_%d", objective)
}

// maximize reports whether higher values are better.
func (c Config) maximize(h trial.History) bool { return h.Directions()[c.Objective] == trial.Maximize }

// value returns the axis of an objective, over values that may be missing.
func (c Config) value(h trial.History, values []Float) Axis {
	return newAxis(c.name(h, c.Objective), values)
}

// finite returns the complete trials by number, without those whose value is NaN or infinite, and
// how many of these there are.
func (c Config) finite(h trial.History) (trials []*trial.Trial, skipped int) {
	trials = complete(h)
	n := len(trials)
	trials = slices.DeleteFunc(trials, func(t *trial.Trial) bool { return !finite(t.Values[c.Objective]) })
	return trials, n - len(trials)
}

// values returns the value of each trial.
func (c Config) values(trials []*trial.Trial) []Float {
	list := make([]Float, len(trials))
	for i, t := range trials {
		list[i] = Float(t.Values[c.Objective])
	}
	return list
}

// params returns which parameters to show: c.Params, or those of the trials that are shown. It
// fails if the history has trials and none of them has one of c.Params.
func (c Config) params(h trial.History, shown []*trial.Trial) ([]string, error) {
	if c.Params == nil {
		return paramNames(shown), nil
	}
	known := paramNames(everything(h))
	for i, name := range c.Params {
		switch {
		case slices.Contains(c.Params[:i], name):
			return nil, fmt.Errorf("parameter %q is there twice", name)
		case slices.Contains(known, name):
		case len(known) > 0:
			return nil, fmt.Errorf("no trial has a parameter %q, want one of %s", name, strings.Join(known, ", "))
		case len(h.Finished())+len(h.Running()) > 0:
			return nil, fmt.Errorf("no trial has a parameter %q: the trials have none", name)
		}
	}
	return c.Params, nil
}

// complete returns the complete trials by number. The slice belongs to the caller.
func complete(h trial.History) []*trial.Trial {
	return slices.DeleteFunc(byNumber(slices.Clone(h.Finished())), func(t *trial.Trial) bool {
		return t.State != trial.Complete
	})
}

// everything returns all trials of h by number. The slice belongs to the caller.
func everything(h trial.History) []*trial.Trial {
	return byNumber(slices.Concat(h.Finished(), h.Running()))
}

// byNumber sorts the trials.
func byNumber(trials []*trial.Trial) []*trial.Trial {
	slices.SortFunc(trials, func(a, b *trial.Trial) int { return a.Number - b.Number })
	return trials
}

// paramNames returns the parameters of the trials, sorted.
func paramNames(trials []*trial.Trial) []string {
	seen := map[string]bool{}
	var last []trial.Param
	for _, t := range trials {
		if !slices.EqualFunc(t.Params, last, func(p, q trial.Param) bool { return p.Name == q.Name }) {
			for _, p := range t.Params {
				seen[p.Name] = true
			}
			last = t.Params
		}
	}
	names := make([]string, 0, len(seen))
	for name := range seen {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// feasible reports whether no constraint of the trial is violated.
func feasible(t *trial.Trial) bool { return t.Violation() == 0 }

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }
