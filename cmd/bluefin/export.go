package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// exportCommand writes what a search found.
type exportCommand struct {
	study      studyFlags
	output     outputFlags
	format     string
	trial      int // -1: the best
	attrs      bool
	paramsOnly bool
}

// define leaves out what a program that uses the parameters does not want.
func (e *exportCommand) define() *cli.Command {
	format := choiceFlag(&e.format, "format", "`FORMAT` of the output: json or yaml; or only the parameters: env "+
		"(export NAME=VALUE, for a shell), args (--NAME VALUE), hydra (NAME=VALUE in Hydra's grammar) or hf "+
		"(JSON of Hugging Face TrainingArguments)", "json", "yaml", "env", "args", "hydra", "hf")
	format.Aliases = []string{"f"} // as of the other commands
	return &cli.Command{
		Name:  "export",
		Usage: "write the best trial, or its parameters for another program",
		Flags: slices.Concat(e.study.flags(), e.output.flags(), []cli.Flag{
			format,
			trialFlag(&e.trial, "the `NUMBER` of the trial to write instead of the best"),
			&cli.BoolFlag{Name: "attrs", Destination: &e.attrs,
				Usage: "write long attributes too, such as the loss of each epoch"},
			&cli.BoolFlag{Name: "params-only", Destination: &e.paramsOnly,
				Usage: "write only the parameters"},
		}),
		Action: action(e.run),
	}
}

// trialFlag is -1 if it is not given.
func trialFlag(number *int, usage string) cli.Flag {
	return &cli.IntFlag{Name: "trial", Destination: number, Value: -1, DefaultText: "the best", Usage: usage,
		Action: func(_ *cli.Context, number int) error {
			if number < 0 {
				return usagef("--trial is %d, want at least 0", number)
			}
			return nil
		}}
}

// run writes the whole output or none.
func (e *exportCommand) run(ctx context.Context, con console) error {
	return e.study.with(ctx, con, access{readOnly: true}, study.Config{}, func(s *study.Study) error {
		trials, err := e.choose(ctx, s)
		if err != nil {
			return err
		}
		text, notes, err := e.text(ctx, s, trials)
		if err != nil {
			return err
		}
		file, err := e.output.write(con, e.study.storage, text)
		if file && err == nil {
			con.logf("Wrote %s.", e.output.path)
		}
		// A file that lacks something must say so somewhere.
		for _, note := range notes {
			con.logf("%s", note)
		}
		return err
	})
}

// choose returns the trial to write, or those of a front.
func (e *exportCommand) choose(ctx context.Context, s *study.Study) ([]*trial.Trial, error) {
	if e.trial != -1 {
		t, err := s.Trial(ctx, e.trial)
		return []*trial.Trial{t}, err
	}
	best, err := bestOf(ctx, s)
	if err == nil && len(best) > 1 && !e.whole() {
		return nil, usagef("--format %s is about one trial, and study %q has %d objectives and %d best trials: "+
			"want --trial NUMBER", e.format, s.Name(), len(s.Directions()), len(best))
	}
	return best, err
}

// whole reports whether the format can hold more than parameters.
func (e *exportCommand) whole() bool { return e.format == "json" || e.format == "yaml" }

// text returns what to write, and notes about what it lacks.
func (e *exportCommand) text(ctx context.Context, s *study.Study, trials []*trial.Trial) ([]byte, []string, error) {
	if !e.whole() {
		if e.attrs {
			return nil, nil, usagef("--format %s has no attributes, want it without --attrs", e.format)
		}
		if len(trials[0].Params) == 0 {
			return nil, nil, fmt.Errorf("trial %d has no parameters", trials[0].Number)
		}
		attrs, err := s.UserAttrs(ctx)
		if err != nil {
			return nil, nil, err
		}
		return paramsText(e.format, trials[0].Params, attrs[identityKey] != nil)
	}
	var all []any
	var left []string
	for _, t := range trials {
		x := s.Export(t)
		if !e.attrs {
			left = append(left, dropLongJSON(x.UserAttrs)...)
		}
		all = append(all, e.value(s, t, x))
	}
	var notes []string
	if len(left) > 0 && !e.paramsOnly {
		slices.Sort(left) // several trials leave out the same names
		notes = append(notes, leftOut(slices.Compact(left)))
	}
	// One trial is an object, a front a list of them.
	var v any = all
	if len(s.Directions()) == 1 || e.trial != -1 {
		v = all[0]
	}
	if e.format == "yaml" {
		var text bytes.Buffer
		err := writeYAML(&text, v)
		return text.Bytes(), notes, err
	}
	// Indented, because people read it too.
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), notes, err
}

// value returns what to write about a trial, whose JSON is x.
func (e *exportCommand) value(s *study.Study, t *trial.Trial, x study.Export) any {
	switch {
	case e.format == "json" && e.paramsOnly:
		return x.Params
	case e.format == "json":
		return x
	}
	params := record{}
	for _, p := range t.Params {
		params = append(params, pyjson.Member{Name: p.Name, Value: p.External()})
	}
	if e.paramsOnly {
		return params
	}
	r := record{}
	add := func(name string, v any) { r = append(r, pyjson.Member{Name: name, Value: v}) }
	add("study_name", x.StudyName)
	var directions, values []any
	for _, d := range s.Directions() {
		directions = append(directions, d.String())
	}
	for _, v := range t.Values {
		values = append(values, v)
	}
	if len(directions) == 1 {
		add("direction", directions[0])
	} else {
		add("directions", directions)
	}
	add("trial", x.Trial)
	switch {
	case len(values) == 1:
		add("value", values[0])
	case values != nil:
		add("values", values)
	}
	add("params", params)
	add("user_attrs", attrsRecord(x.UserAttrs))
	add("datetime_start", moment(x.Start))
	add("datetime_complete", moment(x.End))
	return r
}

// moment writes a time in UTC with all its digits, nil for none.
func moment(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.Format(time.RFC3339Nano)
}
