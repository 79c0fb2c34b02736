package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

func askCommand() *cli.Command {
	return &cli.Command{
		Name:  "ask",
		Usage: "begin a trial and print its number and parameters",
		Flags: append(formatFlags("json"), storageFlag(), studyNameFlag(), samplerFlag("tpe"), samplerKwargsFlag(), seedFlag(),
			&cli.StringFlag{Name: "search-space", Usage: "`JSON` object of distributions by parameter, like " +
				`{"lr": {"type": "float", "low": 1e-5, "high": 0.1, "log": true}, "opt": {"type": "categorical", "choices": ["sgd", "adam"]}}; @FILE reads it from a file, @- from standard input`},
			&cli.DurationFlag{Name: "lease", Value: 24 * time.Hour, Usage: "the `TIME` until the trial is given to another worker if nobody tells it"}),
		Action: func(c *cli.Context) error {
			if err := checkFormat(c); err != nil {
				return err
			}
			if c.Duration("lease") <= 0 {
				return usagef("--lease is %v, want above 0", c.Duration("lease"))
			}
			text, err := textOrFile(c, "search-space")
			if err != nil {
				return err
			}
			dims, err := parseSpace(text)
			if err != nil {
				return usagef("--search-space: %w", err)
			}
			s, err := samplerFor(c)
			if err != nil {
				return err
			}
			return withStudy(c, sqlite.Options{MustExist: true}, study.Config{Sampler: s, Seed: c.Uint64("seed")}, func(s *study.Study) error {
				exhausted, err := s.Exhausted(c.Context)
				if err != nil {
					return err
				}
				t, err := s.AskDetached(c.Context, dims, c.Duration("lease"))
				if err != nil {
					return err
				}
				if _, queued := t.SystemAttrs[sysattr.FixedParams]; exhausted && !queued {
					logf(c, "Every combination has been tried or is being tried; trial %d repeats one.", t.Number)
				}
				params := record{}
				for _, p := range t.Params {
					params = append(params, pyjson.Member{Name: p.Name, Value: p.External()})
				}
				if err := printRecords(c, []record{{{Name: "number", Value: t.Number}, {Name: "params", Value: params}}}, true); err != nil {
					return fmt.Errorf("trial %d has begun, and must be told: %w", t.Number, err)
				}
				return nil
			})
		},
	}
}

// parseSpace reads an object of distributions and keeps the order of the names.
func parseSpace(text string) ([]space.Dimension, error) {
	if text == "" {
		return nil, nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil || object == nil {
		return nil, fmt.Errorf("%.200s is no JSON object: %w", text, cmp.Or(err, errors.New("it is null")))
	}
	d := json.NewDecoder(strings.NewReader(text)) // which cannot fail after that
	_, _ = d.Token()
	var dims []space.Dimension
	for d.More() {
		name, _ := d.Token()
		var raw json.RawMessage
		_ = d.Decode(&raw)
		var err error
		dim := space.Dimension{Name: name.(string)}
		if dim.Dist, err = space.Unmarshal(raw); err == nil {
			err = cmp.Or(storage.CheckName("parameter name", dim.Name), checkChoices(dim.Dist), dim.Dist.Check())
		}
		if err != nil {
			return nil, fmt.Errorf("parameter %q: %w", name, err)
		}
		if slices.ContainsFunc(dims, func(d space.Dimension) bool { return d.Name == dim.Name }) {
			return nil, fmt.Errorf("parameter %q is there twice", name)
		}
		dims = append(dims, dim)
	}
	return dims, nil
}

// checkChoices refuses choices that JSON has and a parameter cannot have.
func checkChoices(d space.Dist) error {
	list, _ := d.(space.Categorical)
	for i, choice := range list.Choices {
		switch choice.(type) {
		case []any, map[string]any:
			return fmt.Errorf("choice %d is a list or an object, want null, true, false, a number or a string", i)
		}
	}
	return nil
}

func tellCommand() *cli.Command {
	return &cli.Command{
		Name:  "tell",
		Usage: "end a trial that ask has begun",
		Flags: []cli.Flag{
			storageFlag(), studyNameFlag(),
			&cli.IntFlag{Name: "trial-number", DefaultText: "required", Usage: "the `NUMBER` that ask has printed"},
			&cli.Float64SliceFlag{Name: "values", Usage: "the `VALUE` of each objective, one after the other"},
			&cli.StringFlag{Name: "state", DefaultText: "complete with values, fail without", Usage: "how it ended, `STATE` is complete, pruned or fail"},
			&cli.BoolFlag{Name: "skip-if-finished", Usage: "do nothing if the trial has finished"},
		},
		Action: func(c *cli.Context) error {
			if !c.IsSet("trial-number") {
				return usagef("--trial-number is missing")
			}
			values := c.Float64Slice("values")
			state, err := stateFlag(c, len(values) > 0)
			if err != nil {
				return err
			}
			if state == trial.Complete && slices.ContainsFunc(values, math.IsNaN) {
				// As Optuna has it, unless somebody insists that it is complete.
				if c.IsSet("state") {
					return usagef("--values has NaN, want numbers with --state complete, or no --state to let the trial fail")
				}
				state, values = trial.Failed, nil
			}
			return withStudy(c, sqlite.Options{MustExist: true}, study.Config{}, func(s *study.Study) error {
				number := c.Int("trial-number")
				t, err := s.TellNumber(c.Context, number, state, values)
				if err != nil {
					if c.Bool("skip-if-finished") && errors.Is(err, storage.ErrFinished) {
						return nil
					}
					return err
				}
				if slices.ContainsFunc(c.Float64Slice("values"), math.IsNaN) {
					logf(c, "Told trial %d: %v, as NaN is no value.", number, t.State)
				} else if len(t.Values) > 0 {
					logf(c, "Told trial %d: %v %v.", number, t.State, t.Values)
				} else {
					logf(c, "Told trial %d: %v.", number, t.State)
				}
				return nil
			})
		},
	}
}

func stateFlag(c *cli.Context, values bool) (trial.State, error) {
	if !c.IsSet("state") {
		if values {
			return trial.Complete, nil
		}
		return trial.Failed, nil
	}
	name, err := oneOf("state", strings.ToLower(c.String("state")), "complete", "pruned", "fail")
	if err != nil {
		return 0, err
	}
	state, err := trial.ParseState(strings.ToUpper(name))
	if err == nil && state == trial.Complete != values {
		err = usagef("--state is %s, want --values with complete and without them else", name)
	}
	return state, err
}
