package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// trialsCommand prints a record for each of some trials: trials, best-trial and best-trials.
type trialsCommand struct {
	name, usage string
	single      bool                                                        // one record, not a list
	list        func(context.Context, *study.Study) ([]*trial.Trial, error) // nil: all
	top         int                                                         // 0: all
	format      formatFlags
	study       studyFlags
	output      outputFlags
}

// allTrials, bestTrial and bestTrials differ in what they list; the rest is the same.
func allTrials() *trialsCommand {
	return &trialsCommand{name: "trials", usage: "print all trials of a study"}
}

// bestTrial prints one record and not a list with one.
func bestTrial() *trialsCommand {
	return &trialsCommand{name: "best-trial", usage: "print the best trial of a study with one objective", single: true,
		list: func(ctx context.Context, s *study.Study) ([]*trial.Trial, error) {
			// Study.Best would fail too, without naming the other command.
			if n := len(s.Directions()); n > 1 {
				return nil, fmt.Errorf("study %q has %d objectives and so no single best trial: want bluefin best-trials",
					s.Name(), n)
			}
			best, err := s.Best(ctx)
			return []*trial.Trial{best}, err
		}}
}

// bestTrials prints the Pareto front.
func bestTrials() *trialsCommand {
	return &trialsCommand{name: "best-trials", usage: "print the trials that no other one dominates",
		list: func(ctx context.Context, s *study.Study) ([]*trial.Trial, error) { return s.BestTrials(ctx) }}
}

// define is the same for all three, but for --top.
func (t *trialsCommand) define() *cli.Command {
	flags := slices.Concat(t.format.flags("table", dataFormats()...), t.study.flags(), t.output.flags(),
		[]cli.Flag{t.format.attrsFlag("show long attributes in tables too")})
	if t.list == nil {
		flags = append(flags, &cli.IntFlag{Name: "top", Destination: &t.top, DefaultText: "all",
			Usage: "print the best `NUMBER` of trials, the best first; of several objectives, those that no other " +
				"trial dominates, by the first objective",
			Action: func(_ *cli.Context, number int) error {
				if number < 1 {
					return usagef("--top is %d, want at least 1", number)
				}
				return nil
			}})
	}
	return &cli.Command{Name: t.name, Usage: t.usage, Flags: flags, Action: action(t.run)}
}

// run only reads, so a search may go on meanwhile.
func (t *trialsCommand) run(ctx context.Context, con console) error {
	if t.top > 0 {
		t.list = t.best
	}
	if slices.Contains(dataFormats(), t.format.format) {
		return t.data(ctx, con)
	}
	return t.study.with(ctx, con, access{readOnly: true}, study.Config{}, func(s *study.Study) error {
		list := t.list
		if list == nil {
			list = func(ctx context.Context, s *study.Study) ([]*trial.Trial, error) { return s.Trials(ctx) }
		}
		trials, err := list(ctx, s)
		if err != nil {
			return err
		}
		records := trialRecords(trials, len(s.Directions()))
		// A script that reads columns must find the same ones for the best trials as for all.
		if t.format.flatten && slices.Contains([]string{"table", "value"}, t.format.format) {
			// The columns are those of all trials, whichever are listed.
			all, err := s.Trials(ctx)
			if err != nil {
				return err
			}
			whole := trialRecords(all, len(s.Directions()))
			if !t.format.attrs && t.format.format == "table" {
				// As print does with the records, or the columns would not match.
				dropLong(whole)
			}
			flattenAll(whole)
			columns := columnNames(whole)
			flattenAll(records)
			for i := range records {
				records[i] = padded(records[i], columns)
			}
		}
		if !t.output.toFile() {
			return t.format.print(con, records, t.single)
		}
		var text bytes.Buffer
		file := con
		file.out = &dataWriter{w: &text}
		if err := t.format.print(file, records, t.single); err != nil {
			return err
		}
		_, err = t.output.write(con, t.study.storage, text.Bytes())
		return err
	})
}

// best lists the best trials, the best first.
func (t *trialsCommand) best(ctx context.Context, s *study.Study) ([]*trial.Trial, error) {
	h, err := s.History(ctx)
	if err != nil {
		return nil, err
	}
	directions := s.Directions()
	trials := slices.Clone(h.ParetoFront())
	if len(directions) == 1 { // the front has one trial, and those that are as good
		trials = slices.DeleteFunc(slices.Clone(h.Finished()), func(t *trial.Trial) bool {
			return t.State != trial.Complete || t.Violation() > 0
		})
	}
	if len(trials) == 0 {
		_, err := s.Best(ctx) // says why
		return nil, cmp.Or(err, study.ErrNoBest)
	}
	// Stable: of equal trials the first to finish comes first, as in Study.Best.
	slices.SortStableFunc(trials, func(a, b *trial.Trial) int {
		switch {
		case directions[0].Better(a.Values[0], b.Values[0]):
			return -1
		case directions[0].Better(b.Values[0], a.Values[0]):
			return 1
		}
		return 0
	})
	return trials[:min(t.top, len(trials))], nil
}

// data writes one of the dataFormats.
func (t *trialsCommand) data(ctx context.Context, con console) (err error) {
	if t.format.flatten && t.format.format == "jsonl" {
		return usagef("--flatten has no meaning for -f jsonl, want csv for a column of each parameter")
	}
	if t.format.format == "parquet" && con.out.width() > 0 && !t.output.toFile() {
		return usagef("-f parquet is not text, want --output FILE or a pipe")
	}
	db, err := t.study.storage.open(ctx, con, access{readOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	name, err := t.study.resolve(ctx, db)
	if err != nil {
		return err
	}
	record, err := db.Load(ctx, name)
	if err != nil {
		return suggestStudy(ctx, db, name, err)
	}
	n, _, err := db.Extent(ctx, record.ID)
	if err != nil {
		return err
	}
	trials := eachTrial(ctx, db, record.ID, n)
	columns, unfinished := newSchema(len(record.Directions)), map[int]*trial.Trial{}
	if t.format.format != "jsonl" {
		if columns, unfinished, err = survey(trials, len(record.Directions)); err != nil {
			return err
		}
	}
	trials = as(unfinished, trials)
	if t.list != nil {
		s, err := study.Load(ctx, study.Config{Name: name, Storage: db, Logger: con.logger()})
		if err != nil {
			return err
		}
		list, err := t.list(ctx, s)
		if err != nil {
			return err
		}
		trials = all(list)
	}
	write := func(w io.Writer) error { return writeTrials(w, t.format.format, columns, trials) }
	if !t.output.toFile() {
		return write(con.out)
	}
	if err := t.output.stream(t.study.storage, dataHead(t.format.format, columns), write); err != nil {
		return err
	}
	con.logf("Wrote %s.", t.output.path)
	return nil
}

// trialRecords describes trials as Optuna does. Columns that no trial has are left out.
func trialRecords(trials []*trial.Trial, objectives int) []record {
	// Columns follow from all trials, since a table has one header.
	some := func(has func(*trial.Trial) bool) bool { return slices.ContainsFunc(trials, has) }
	params := some(func(t *trial.Trial) bool { return len(t.Params) > 0 })
	attrs := some(func(t *trial.Trial) bool { return len(t.UserAttrs) > 0 })
	running := some(reporting) // Optuna has no such column, nor one for failures or pauses
	paused := some((*trial.Trial).Paused)
	failures := some(func(t *trial.Trial) bool { return t.Failure() != "" })
	var records []record
	for _, t := range trials {
		var r record
		add := func(name string, v any) { r = append(r, pyjson.Member{Name: name, Value: v}) }
		add("number", t.Number)
		// Missing values stay nil: a trial without results still has the columns.
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
		// Waiting and running trials have no duration.
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
		if paused {
			add("paused", t.Paused())
		}
		if running {
			var last any
			// The last report is only news while a trial has no value.
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

// reporting reports whether a trial is running or paused and has reports.
func reporting(t *trial.Trial) bool {
	return (t.State == trial.Running || t.Paused()) && len(t.Reports) > 0
}

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
	// Sorted, as in Optuna; trials may suggest in different orders.
	slices.SortFunc(r, func(a, b pyjson.Member) int { return strings.Compare(a.Name, b.Name) })
	return r
}

// attrsRecord lists attributes by name. Text that is not JSON is shown as it is.
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
