package main

import (
	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
)

func samplerFlag() cli.Flag {
	return &cli.StringFlag{Name: "sampler", Value: "tpe", Usage: "how parameters are drawn: tpe, random or cmaes"}
}

func prunerFlag() cli.Flag {
	return &cli.StringFlag{Name: "pruner", Value: "median", Usage: "when a trial is stopped early: median, halving or none"}
}

func seedFlag() cli.Flag {
	return &cli.Uint64Flag{Name: "seed", Usage: "of all that is random; the same seed gives the same trials"}
}

func samplerByName(name string) (study.Sampler, error) {
	name, err := oneOf("sampler", name, "tpe", "random", "cmaes")
	switch name {
	case "random":
		return sampler.Random{}, err
	case "cmaes":
		return &sampler.CMAES{}, err
	}
	return &sampler.TPE{}, err
}

func prunerByName(name string) (study.Pruner, error) {
	name, err := oneOf("pruner", name, "median", "halving", "none")
	switch name {
	case "halving":
		return pruner.SuccessiveHalving{}, err
	case "none":
		return nil, err
	}
	return pruner.Median{}, err
}
