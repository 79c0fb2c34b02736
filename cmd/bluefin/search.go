package main

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/pruner"
)

func samplerFlag(byDefault string) cli.Flag {
	return &cli.StringFlag{Name: "sampler", Value: byDefault, Usage: "how parameters are drawn, `NAME` is " + words(samplerNames()) + ", or Optuna's name of it, like TPESampler"}
}

func prunerFlag() cli.Flag {
	return &cli.StringFlag{Name: "pruner", Value: "median", Usage: "when a trial is stopped early, `NAME` is " + words(prunerNames()) +
		". Some take a number: percentile:25 stops what is not in the best quarter, patient:5 what has not improved for more than 5" +
		" reports, threshold:2.5 what reports more than that or NaN"}
}

func seedFlag() cli.Flag {
	return &cli.Uint64Flag{Name: "seed", Usage: "a `NUMBER` that decides over all that is random: the same seed gives the same trials"}
}

// prunerNames are those that prunerFor knows.
func prunerNames() []string {
	return []string{"median", "percentile", "halving", "hyperband", "patient", "threshold", "none"}
}

// prunerFor returns the pruner that the flags ask for, nil for none, for a study
// of the given name.
func prunerFor(c *cli.Context, studyName string) (pruner.Pruner, error) {
	name, text, given := strings.Cut(c.String("pruner"), ":")
	// number is what follows the name, or else the default.
	number := func(byDefault float64, allowed func(x float64) bool, what string) (float64, error) {
		if !given {
			return byDefault, nil
		}
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || !allowed(x) {
			return 0, usagef("--pruner is %q, want %s after %s:", c.String("pruner"), what, name)
		}
		return x, nil
	}
	switch name {
	case "percentile":
		x, err := number(25, func(x float64) bool { return 0 <= x && x <= 100 }, "a number from 0 to 100")
		return pruner.Percentile{Percentile: x}, err
	case "patient":
		x, err := number(5, func(x float64) bool { return 0 <= x && x <= math.MaxInt32 && x == math.Trunc(x) }, "a whole number of reports")
		return pruner.Patient{Patience: int(x)}, err
	case "threshold":
		x, err := number(math.Inf(1), func(x float64) bool { return !math.IsNaN(x) }, "a number")
		return pruner.Threshold{Upper: &x}, err
	}
	if given && slices.Contains(prunerNames(), name) {
		return nil, usagef("--pruner is %q, want no number after %s", c.String("pruner"), name)
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
	return nil, usagef("--pruner is %q, want one of %s", c.String("pruner"), strings.Join(prunerNames(), ", "))
}

// words are names as a sentence lists them.
func words(names []string) string {
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}
