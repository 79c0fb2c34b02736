package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

func trialsCommand() *cli.Command {
	return trialList("trials", "print all trials of a study", false, func(c *cli.Context, s *study.Study) ([]*trial.Trial, error) {
		return s.Trials(c.Context)
	})
}

func bestTrialCommand() *cli.Command {
	return trialList("best-trial", "print the best trial of a study with one objective", true, func(c *cli.Context, s *study.Study) ([]*trial.Trial, error) {
		if n := len(s.Directions()); n > 1 {
			return nil, fmt.Errorf("study %q has %d objectives and so no single best trial: want bluefin best-trials", s.Name(), n)
		}
		best, err := s.Best(c.Context)
		return []*trial.Trial{best}, err
	})
}

func bestTrialsCommand() *cli.Command {
	return trialList("best-trials", "print the trials that no other one dominates", false, func(c *cli.Context, s *study.Study) ([]*trial.Trial, error) {
		return s.BestTrials(c.Context)
	})
}

// trialList is a command that prints a record for each of some trials.
func trialList(name, usage string, single bool, list func(*cli.Context, *study.Study) ([]*trial.Trial, error)) *cli.Command {
	return &cli.Command{
		Name:  name,
		Usage: usage,
		Flags: append(formatFlags("table"), storageFlag(), studyNameFlag(),
			attrsFlag("show long attributes in tables too")),
		Action: func(c *cli.Context) error {
			if err := checkFormat(c); err != nil {
				return err
			}
			return withStudy(c, sqlite.Options{ReadOnly: true}, study.Config{}, func(s *study.Study) error {
				trials, err := list(c, s)
				if err != nil {
					return err
				}
				records := trialRecords(trials, len(s.Directions()))
				if c.Bool("flatten") && slices.Contains([]string{"table", "value", "csv"}, c.String("format")) {
					// The columns are those of all trials, whichever are listed.
					all, err := s.Trials(c.Context)
					if err != nil {
						return err
					}
					whole := trialRecords(all, len(s.Directions()))
					if !c.Bool("attrs") && c.String("format") == "table" {
						dropLong(whole)
					}
					flattenAll(whole)
					columns := columnNames(whole)
					flattenAll(records)
					for i := range records {
						records[i] = padded(records[i], columns)
					}
				}
				return printRecords(c, records, single)
			})
		},
	}
}

// trialRecords describes trials as Optuna does. Columns that no trial has are
// left out.
func trialRecords(trials []*trial.Trial, objectives int) []record {
	some := func(has func(*trial.Trial) bool) bool { return slices.ContainsFunc(trials, has) }
	params := some(func(t *trial.Trial) bool { return len(t.Params) > 0 })
	attrs := some(func(t *trial.Trial) bool { return len(t.UserAttrs) > 0 })
	running := some(reporting)
	failures := some(func(t *trial.Trial) bool { return t.Failure() != "" })
	var records []record
	for _, t := range trials {
		var r record
		add := func(name string, v any) { r = append(r, pyjson.Member{Name: name, Value: v}) }
		add("number", t.Number)
		values := make([]any, objectives)
		for i, v := range t.Values {
			values[i] = v
		}
		if objectives == 1 {
			add("value", values[0])
		} else {
			add("values", values)
		}
		add("datetime_start", showTime(t.Start))
		add("datetime_complete", showTime(t.End))
		if !t.Start.IsZero() && !t.End.IsZero() {
			add("duration", showDuration(t.Duration()))
		} else {
			add("duration", nil)
		}
		if params {
			add("params", paramsRecord(t.Params))
		}
		if attrs {
			add("user_attrs", attrsRecord(t.UserAttrs))
		}
		add("state", t.State.String())
		if running {
			var last any
			if reporting(t) {
				r, _ := t.LastReport()
				last = record{{Name: "step", Value: r.Step}, {Name: "value", Value: r.Value}}
			}
			add("last_report", last)
		}
		if failures {
			add("failure", failureLine(t))
		}
		records = append(records, r)
	}
	return records
}

// reporting tells whether a trial is running and has reported.
func reporting(t *trial.Trial) bool { return t.State == trial.Running && len(t.Reports) > 0 }

// failureLine is why a trial failed, without the stack of a panic.
func failureLine(t *trial.Trial) string {
	line, _, _ := strings.Cut(t.Failure(), "\n")
	return line
}

// paramsRecord lists external values by name.
func paramsRecord(params []trial.Param) record {
	r := record{}
	for _, p := range params {
		r = append(r, pyjson.Member{Name: p.Name, Value: p.External()})
	}
	slices.SortFunc(r, func(a, b pyjson.Member) int { return strings.Compare(a.Name, b.Name) })
	return r
}

// attrsRecord lists attributes by name. Text that is no JSON is shown as it is.
func attrsRecord(attrs map[string]json.RawMessage) record {
	r := record{}
	for _, key := range slices.Sorted(maps.Keys(attrs)) {
		v, err := pyjson.Unmarshal(attrs[key])
		if err != nil {
			v = string(attrs[key])
		}
		r = append(r, pyjson.Member{Name: key, Value: v})
	}
	return r
}
