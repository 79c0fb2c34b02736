package main

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

// exportCommand writes what a search found.
type exportCommand struct {
	study      studyFlags
	output     outputFlags
	attrs      bool
	paramsOnly bool
}

// define leaves out what a program that uses the parameters does not want.
func (e *exportCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "export",
		Usage: "write the best trial, or those of several objectives, as JSON",
		Flags: slices.Concat(e.study.flags(), e.output.flags(), []cli.Flag{
			&cli.BoolFlag{Name: "attrs", Destination: &e.attrs,
				Usage: "write long attributes too, such as the loss of each epoch"},
			&cli.BoolFlag{Name: "params-only", Destination: &e.paramsOnly,
				Usage: "write only the parameters"},
		}),
		Action: action(e.run),
	}
}

// run writes the whole output or none.
func (e *exportCommand) run(ctx context.Context, con console) error {
	return e.study.with(ctx, con, sqlite.Options{ReadOnly: true}, study.Config{}, func(s *study.Study) error {
		v, left, err := e.value(ctx, s)
		if err != nil {
			return err
		}
		// Indented, because people read it too.
		text, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return err
		}
		file, err := e.output.write(con, e.study.storage, append(text, '\n'))
		if file && err == nil {
			con.logf("Wrote %s.", e.output.path)
		}
		// A file that lacks attributes must say so somewhere.
		if len(left) > 0 {
			con.logf("%s", leftOut(left))
		}
		return err
	})
}

// value returns what to write as JSON, and the names of the attributes left out.
func (e *exportCommand) value(ctx context.Context, s *study.Study) (v any, left []string, err error) {
	// One trial is an object, a front a list of them.
	one := func(t study.Export) any {
		if e.paramsOnly {
			return t.Params
		}
		if !e.attrs {
			left = append(left, dropLongJSON(t.UserAttrs)...)
		}
		return t
	}
	if len(s.Directions()) == 1 {
		best, err := s.Best(ctx)
		if err != nil {
			return nil, nil, err
		}
		v = one(s.Export(best))
		return v, left, nil
	}
	front, err := s.BestTrials(ctx)
	if err == nil && len(front) == 0 {
		// An empty list would look like success.
		err = study.ErrNoBest
	}
	var all []any
	for _, t := range front {
		all = append(all, one(s.Export(t)))
	}
	// Several trials leave out the same names.
	slices.Sort(left)
	return all, slices.Compact(left), err
}
