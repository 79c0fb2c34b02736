package main

import (
	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
)

func samplerFlag() cli.Flag {
	return &cli.StringFlag{Name: "sampler", Value: "tpe", Usage: "how parameters are drawn, `NAME` is tpe, random or cmaes"}
}

func prunerFlag() cli.Flag {
	return &cli.StringFlag{Name: "pruner", Value: "median", Usage: "when a trial is stopped early, `NAME` is median, halving or none"}
}

func seedFlag() cli.Flag {
	return &cli.Uint64Flag{Name: "seed", Usage: "a `NUMBER` that decides over all that is random: the same seed gives the same trials"}
}

func samplerByName(name string) (study.Sampler, error) {
	switch name {
	case "tpe":
		return &sampler.TPE{}, nil
	case "random":
		return sampler.Random{}, nil
	case "cmaes":
		return &sampler.CMAES{}, nil
	}
	return nil, usagef("--sampler is %q, want one of tpe, random, cmaes", name)
}

func prunerByName(name string) (study.Pruner, error) {
	switch name {
	case "median":
		return pruner.Median{}, nil
	case "halving":
		return pruner.SuccessiveHalving{}, nil
	case "none":
		return nil, nil
	}
	return nil, usagef("--pruner is %q, want one of median, halving, none", name)
}
