package main

import (
	"encoding/json"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:  "export",
		Usage: "write the best trial as JSON; of a study with several objectives, the list of its best trials",
		Flags: []cli.Flag{
			storageFlag(), studyNameFlag(),
			outputFlag(), forceFlag(),
			&cli.BoolFlag{Name: "params-only", Usage: "write the parameters and nothing else"},
		},
		Action: func(c *cli.Context) error {
			return withStudy(c, sqlite.ReadOnly, study.Config{}, func(s *study.Study) error {
				v, err := exported(c, s)
				if err != nil {
					return err
				}
				text, err := json.MarshalIndent(v, "", "  ")
				if err != nil {
					return err
				}
				file, err := writeOutput(c, append(text, '\n'))
				if file && err == nil {
					logf(c, "Wrote %s.", c.String("output"))
				}
				return err
			})
		},
	}
}

// exported is what export writes, as a value that JSON knows.
func exported(c *cli.Context, s *study.Study) (any, error) {
	one := func(e study.Export) any {
		if c.Bool("params-only") {
			return e.Params
		}
		return e
	}
	if len(s.Directions()) == 1 {
		best, err := s.Best(c.Context)
		if err != nil {
			return nil, err
		}
		return one(s.Export(best)), nil
	}
	front, err := s.BestTrials(c.Context)
	if err == nil && len(front) == 0 {
		err = study.ErrNoBest
	}
	var all []any
	for _, t := range front {
		all = append(all, one(s.Export(t)))
	}
	return all, err
}
