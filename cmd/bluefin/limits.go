package main

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// limitFlags say when a study has enough trials, beside their number.
type limitFlags struct {
	target        string // a number; "": none
	noImprovement int
	cost          time.Duration
}

func (l *limitFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "target", Destination: &l.target, DefaultText: "none",
			Usage: "start no trial once the best value is at least as good as `VALUE`"},
		&cli.IntFlag{Name: "no-improvement", Destination: &l.noImprovement, DefaultText: "none",
			Usage: "start no trial once `NUMBER` of them in a row have brought no better value"},
		&cli.DurationFlag{Name: "max-cost", Destination: &l.cost, DefaultText: "none",
			Usage: "start no trial once all trials of the study have run for a total `TIME` like 20h"},
	}
}

func (l *limitFlags) check() error {
	if x, err := strconv.ParseFloat(l.target, 64); l.target != "" && (err != nil || math.IsNaN(x)) {
		return usagef("--target is %q, want a number", l.target)
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
	}
	return ""
}

// add sets the limits of a budget. The flags are checked.
func (l *limitFlags) add(b *study.Budget) {
	if x, err := strconv.ParseFloat(l.target, 64); err == nil {
		b.Target = &x
	}
	b.NoImprovement, b.Cost = l.noImprovement, l.cost
}

// reason says which limit has ended a search early; "": none. best may be empty.
func (l *limitFlags) reason(d trial.Direction, best, all []*trial.Trial) string {
	var b study.Budget
	l.add(&b)
	switch {
	case b.Target != nil && len(best) > 0 && !d.Better(*b.Target, best[0].Values[0]):
		return fmt.Sprintf("the target, %v, is reached", *b.Target)
	case b.Cost > 0 && study.Cost(all) >= b.Cost:
		return fmt.Sprintf("the trials have run for %v", study.Cost(all).Round(time.Second))
	case b.NoImprovement > 0:
		return fmt.Sprintf("the last %s brought no improvement", counted(b.NoImprovement, "trial"))
	}
	return ""
}
