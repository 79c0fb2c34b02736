package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/study"
)

// enqueueCommand queues a trial with parameters that a user chose.
type enqueueCommand struct {
	study        studyFlags
	params       string
	skipIfExists bool
}

// define has one flag for all parameters, because their names are the user's.
func (e *enqueueCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "enqueue",
		Usage: "queue trials with given parameters and print their numbers",
		Description: "The next trial to start has these parameters; the sampler draws those that are not\n" +
			"given. Values are checked when the trial asks for them.",
		Flags: append(e.study.flags(),
			&cli.StringFlag{Name: "params", Destination: &e.params, DefaultText: required,
				Usage: "`JSON` object of values by parameter, like " +
					`{"lr": 0.01, "opt": "adam"}, or a list of them; @FILE reads it from a file, @- from standard input`},
			&cli.BoolFlag{Name: "skip-if-exists", Destination: &e.skipIfExists,
				Usage: "queue nothing if a trial in any state has these parameters, and print its number"}),
		Action: action(e.run),
	}
}

// run prints the number of the trial, whether it is new or not.
func (e *enqueueCommand) run(ctx context.Context, con console) error {
	// Before the study is opened: a mistake in the flags should not wait for a lock.
	text, err := textOrFile(con, "params", e.params)
	if err != nil {
		return err
	}
	list, err := parseParamsList(text)
	if err != nil {
		return err
	}
	return e.study.with(ctx, con, access{mustExist: true}, study.Config{}, func(s *study.Study) error {
		for _, params := range list {
			if err := e.queue(ctx, con, s, params); err != nil {
				return err
			}
		}
		return nil
	})
}

// queue queues one trial.
func (e *enqueueCommand) queue(ctx context.Context, con console, s *study.Study, params map[string]any) error {
	number, added := 0, true
	var err error
	if e.skipIfExists {
		number, added, err = s.EnqueueOnce(ctx, params)
	} else {
		number, err = s.Enqueue(ctx, params)
	}
	if err != nil {
		return err
	}
	// The number is printed in both cases, so a script need not tell them apart.
	if !added {
		con.logf("Trial %d has these parameters already.", number)
	}
	unknownParams(ctx, con, s, number, params)
	_, err = fmt.Fprintln(con.out, number)
	return err
}

// unknownParams says which names of a queued trial no recent trial has: most likely they are misspelt,
// and would be ignored when the trial runs. It reads few trials, as enqueue must stay quick.
func unknownParams(ctx context.Context, con console, s *study.Study, number int, params map[string]any) {
	const recent = 50
	var known []string
	for i := max(0, number-recent); i < number; i++ {
		t, err := s.Trial(ctx, i)
		if err != nil {
			return // the note is a courtesy, and the trial is queued
		}
		for _, p := range t.Params {
			known = append(known, p.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if len(known) > 0 && !slices.Contains(known, name) {
			text := fmt.Sprintf("No recent trial of study %q has a parameter %q", s.Name(), name)
			con.logf("%s", didYouMean(text, name, known, strconv.Quote))
		}
	}
}

// parseParamsList reads one object of parameters, or a list of them. All are checked before any is queued.
func parseParamsList(text string) (all []map[string]any, err error) {
	var list []json.RawMessage
	if json.Unmarshal([]byte(text), &list) != nil || len(list) == 0 {
		list = []json.RawMessage{json.RawMessage(text)} // also to refuse []
	}
	for _, one := range list {
		params, err := parseParams(string(one))
		if err != nil {
			return nil, err
		}
		all = append(all, params)
	}
	return all, nil
}

// parseParams reads an object of external values by parameter.
func parseParams(text string) (map[string]any, error) {
	// Each value is parsed by itself, to name the parameter that is wrong.
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil || len(object) == 0 {
		return nil, usagef("--params is %.200q, want a JSON object of values by parameter", text)
	}
	params := map[string]any{}
	for name, raw := range object {
		// pyjson keeps ints and floats apart, as the study file does.
		v, err := pyjson.Unmarshal(raw)
		switch v.(type) {
		case []any, map[string]any:
			return nil, usagef("--params: %q is a list or an object, want null, true, false, a number or a string",
				name)
		}
		if err != nil {
			return nil, usagef("--params: %q: %w", name, err)
		}
		params[name] = v
	}
	return params, nil
}

// textOrFile returns the value of a flag, or the contents of the file that it names as @FILE or @-
// (standard input), without a byte order mark.
func textOrFile(con console, flag, value string) (string, error) {
	path, isFile := strings.CutPrefix(value, "@")
	if !isFile {
		return path, nil
	}
	text, err := []byte(nil), error(nil)
	if path == "-" {
		text, err = io.ReadAll(con.in)
	} else {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return "", fmt.Errorf("--%s: %w", flag, err)
	}
	// Editors on Windows write a byte order mark, which JSON does not allow.
	return strings.TrimPrefix(string(text), "\ufeff"), nil
}
