package main

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/pruner"
)

// prunerFlag takes a name and, after a colon, one number: most pruners have one setting
// that matters.
func prunerFlag(pruner *string) cli.Flag {
	return &cli.StringFlag{Name: "pruner", Destination: pruner, Value: "median",
		Usage: "the `NAME` of the pruner, which stops trials early: " + words(prunerNames()) +
			". Some take a number: percentile:25 stops trials outside the best quarter, patient:5 those that have not " +
			"improved for more than 5 reports, threshold:2.5 those that report more than that or NaN"}
}

// prunerNames are our names of pruners.
func prunerNames() []string {
	return []string{"median", "percentile", "halving", "hyperband", "patient", "threshold", "none"}
}

// parsePruner returns the pruner that --pruner selects, nil for none, for a study of the given name,
// by which Hyperband assigns trials to brackets.
func parsePruner(flag, studyName string) (pruner.Pruner, error) {
	name, text, given := strings.Cut(flag, ":")
	// number returns the number after the name, or the default.
	number := func(byDefault float64, allowed func(x float64) bool, what string) (float64, error) {
		if !given {
			return byDefault, nil
		}
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || !allowed(x) {
			return 0, usagef("--pruner is %q, want %s after %s:", flag, what, name)
		}
		return x, nil
	}
	switch name {
	case "percentile":
		x, err := number(25, func(x float64) bool { return 0 <= x && x <= 100 }, "a number from 0 to 100")
		return pruner.Percentile{Percentile: x}, err
	case "patient":
		x, err := number(5, func(x float64) bool { return 0 <= x && x <= math.MaxInt32 && x == math.Trunc(x) },
			"a whole number of reports")
		return pruner.Patient{Patience: int(x)}, err
	case "threshold":
		x, err := number(math.Inf(1), func(x float64) bool { return !math.IsNaN(x) }, "a number")
		// A pointer, since 0 is a limit too.
		return pruner.Threshold{Upper: &x}, err
	}
	// Before the plain names, so a number that would be ignored is an error.
	if given && slices.Contains(prunerNames(), name) {
		return nil, usagef("--pruner is %q, want no number after %s", flag, name)
	}
	switch name {
	case "median":
		return pruner.Median{}, nil
	case "halving":
		return pruner.SuccessiveHalving{}, nil
	case "hyperband":
		return pruner.Hyperband{StudyName: studyName}, nil
	case "none":
		return nil, nil
	}
	return nil, usagef("--pruner is %q, want one of %s", flag, strings.Join(prunerNames(), ", "))
}

// words lists names as a sentence does.
func words(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
