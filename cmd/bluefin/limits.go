package main

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// limitFlags say when a study has enough trials, beside their number.
type limitFlags struct {
	target        string // a number; "": none
	noImprovement int
	cost          time.Duration
	noise         string // a number, or "auto"; "": none
	steps         int
}

func (l *limitFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "target", Destination: &l.target, DefaultText: "none",
			Usage: "start no trial once the best value is at least as good as `VALUE`"},
		&cli.IntFlag{Name: "no-improvement", Destination: &l.noImprovement, DefaultText: "none",
			Usage: "start no trial once `NUMBER` of them in a row have brought no better value"},
		&cli.DurationFlag{Name: "max-cost", Destination: &l.cost, DefaultText: "none",
			Usage: "start no trial once all trials of the study have run for a total `TIME` like 20h"},
		&cli.StringFlag{Name: "noise", Destination: &l.noise, DefaultText: "none",
			Usage: "start no trial once another one would gain less than `VALUE`, by which the metric varies with " +
				"the validation examples; auto: as finetune estimates it"},
		&cli.IntFlag{Name: "max-steps", Destination: &l.steps, DefaultText: "none",
			Usage: "end once the trials of the study have trained a total `NUMBER` of steps, such as epochs; those that " +
				"still run pause if they can, and a larger number resumes them",
			Action: func(_ *cli.Context, n int) error {
				if n < 1 {
					return usagef("--max-steps is %d, want at least 1", n)
				}
				return nil
			}},
	}
}

func (l *limitFlags) check() error {
	if x, err := strconv.ParseFloat(l.target, 64); l.target != "" && (err != nil || math.IsNaN(x)) {
		return usagef("--target is %q, want a number", l.target)
	}
	if x, err := strconv.ParseFloat(l.noise, 64); l.noise != "" && l.noise != autoNoise && (err != nil || !(x >= 0)) {
		return usagef("--noise is %q, want a number of at least 0, or auto", l.noise)
	}
	if l.noImprovement < 0 {
		return usagef("--no-improvement is %d, want at least 1", l.noImprovement)
	}
	if l.cost < 0 {
		return usagef("--max-cost is %v, want above 0", l.cost)
	}
	return nil
}

// single names a flag that makes sense for one metric only, if it is given.
func (l *limitFlags) single() string {
	switch {
	case l.target != "":
		return "target"
	case l.noImprovement > 0:
		return "no-improvement"
	case l.noise != "":
		return "noise"
	case l.steps > 0:
		return "max-steps"
	}
	return ""
}

// autoNoise is the value of --noise that takes the noise of a trial from the trial.
const autoNoise = "auto"

// noiseOf returns the noise of the best trial's value, NaN if it is not known.
func (l *limitFlags) noiseOf(best *trial.Trial) float64 {
	x, err := strconv.ParseFloat(l.noise, 64)
	if l.noise == autoNoise {
		x, err = strconv.ParseFloat(string(best.UserAttrs[finetune.StandardErrorKey]), 64)
	}
	if err != nil {
		return math.NaN()
	}
	return x
}

// add sets the limits of a budget. The flags are checked.
func (l *limitFlags) add(b *study.Budget) {
	if x, err := strconv.ParseFloat(l.target, 64); err == nil {
		b.Target = &x
	}
	b.NoImprovement, b.Cost, b.Steps = l.noImprovement, l.cost, l.steps
	if l.noise != "" {
		b.Noise = l.noiseOf
	}
}

// reason says which limit has ended a search early; "": none. trials are those of h, and the others.
func (l *limitFlags) reason(h trial.History, trials []*trial.Trial) string {
	var b study.Budget
	l.add(&b)
	best, ok := h.Best()
	regret, known := math.Inf(1), false
	if b.Noise != nil {
		regret, known = sampler.Regret(h)
	}
	cost := study.Cost(trials)
	switch {
	case b.Target != nil && ok && !h.Directions()[0].Better(*b.Target, best.Values[0]):
		return fmt.Sprintf("the target, %v, is reached", *b.Target)
	case b.Cost > 0 && cost >= b.Cost:
		return fmt.Sprintf("the trials have run for %v", cost.Round(time.Millisecond))
	case known && ok && regret <= l.noiseOf(best):
		return fmt.Sprintf("another one would gain at most %.3g, less than the noise of the metric, %.3g", regret, l.noiseOf(best))
	case b.NoImprovement > 0:
		return fmt.Sprintf("the last %s brought no improvement", counted(b.NoImprovement, "trial"))
	}
	return ""
}
