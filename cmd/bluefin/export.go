package main

import (
	"encoding/json"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:  "export",
		Usage: "write the best trial, or those of several objectives, as JSON",
		Flags: []cli.Flag{
			storageFlag(), studyNameFlag(),
			outputFlag(), forceFlag(),
			attrsFlag("write long attributes too, such as the loss of each epoch"),
			&cli.BoolFlag{Name: "params-only", Usage: "write the parameters and nothing else"},
		},
		Action: func(c *cli.Context) error {
			return withStudy(c, sqlite.Options{ReadOnly: true}, study.Config{}, func(s *study.Study) error {
				v, left, err := exported(c, s)
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
				if len(left) > 0 {
					logf(c, "%s", leftOut(left))
				}
				return err
			})
		},
	}
}

// exported is what export writes, as a value that JSON knows, and the names of
// the attributes that it leaves out.
func exported(c *cli.Context, s *study.Study) (v any, left []string, err error) {
	one := func(e study.Export) any {
		if c.Bool("params-only") {
			return e.Params
		}
		if !c.Bool("attrs") {
			left = append(left, dropLongJSON(e.UserAttrs)...)
		}
		return e
	}
	if len(s.Directions()) == 1 {
		best, err := s.Best(c.Context)
		if err != nil {
			return nil, nil, err
		}
		v = one(s.Export(best))
		return v, left, nil
	}
	front, err := s.BestTrials(c.Context)
	if err == nil && len(front) == 0 {
		err = study.ErrNoBest
	}
	var all []any
	for _, t := range front {
		all = append(all, one(s.Export(t)))
	}
	slices.Sort(left)
	return all, slices.Compact(left), err
}
