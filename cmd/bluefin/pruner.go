package main

import (
	"errors"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/pruner"
)

// prunerFlag takes a name and, after a colon, one number: most pruners have one setting
// that matters.
func prunerFlag(pruner *string) *cli.StringFlag {
	return &cli.StringFlag{Name: "pruner", Destination: pruner, Value: "median",
		Usage: "the `NAME` of the pruner, which stops trials early: " + words(choose.Pruners()) +
			". Some take a number: percentile:25 stops trials outside the best quarter, patient:5 those that have not " +
			"improved for more than 5 reports, threshold:2.5 those that report more than that or NaN. With several " +
			"objectives median@NAME and the like judge by one of them, and dominance by all"}
}

// parsePruner returns the pruner that --pruner selects, nil for none, for a study of the given name,
// by which Hyperband assigns trials to brackets, and with the given metrics.
func parsePruner(flag, studyName string, metrics ...string) (pruner.Pruner, error) {
	name, settings, err := choose.PrunerText(flag)
	if err != nil {
		return nil, usagef("--%w", err)
	}
	p, err := choose.Pruner(name, settings, studyName)
	if err == nil {
		p, err = choose.ForObjectives(p, name, settings, metrics)
	}
	switch {
	case errors.As(err, new(*choose.NameError)):
		return nil, usagef("--%w", err)
	case err != nil:
		return nil, usagef("--pruner is %q: %w", flag, err)
	}
	return p, nil
}

// words lists names as a sentence does.
func words(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
