package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/earlier"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/trial"
)

// suggestDefaultsCommand prints settings that were good across studies.
type suggestDefaultsCommand struct {
	n       int
	studies cli.StringSlice
	format  string
	args    []string
}

// define declares the flags; their texts are the documentation.
func (s *suggestDefaultsCommand) define() *cli.Command {
	format := choiceFlag(&s.format, "format", "the `FORMAT`: table, json or yaml", "table", "json", "yaml")
	format.Aliases = []string{"f"}
	return &cli.Command{
		Name:      "suggest-defaults",
		Usage:     "print settings that were good across several studies",
		ArgsUsage: "FILE[#STUDY]…",
		Description: "The first setting is good in most studies; each next one helps where those before it are\n" +
			"poor. A rank is the share of a study's trials that would be better, as a model of the study\n" +
			"predicts. bluefin enqueue --params @- reads the output of -f json, and enqueue: in a\n" +
			"study.yaml that of -f yaml.",
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "number", Aliases: []string{"n"}, Destination: &s.n, Value: 3,
				Usage: "print at most a `NUMBER` of settings"},
			&cli.StringSliceFlag{Name: "study", Destination: &s.studies, DefaultText: "all",
				Usage: "use only the study with this `NAME`, of any file; again for several"},
			format,
		},
		Before: func(c *cli.Context) error { s.args = c.Args().Slice(); return nil },
		Action: action(s.run),
	}
}

// run only reads.
func (s *suggestDefaultsCommand) run(ctx context.Context, con console) error {
	switch {
	case len(s.args) == 0:
		return usagef("the file is missing, want a study file or another storage, like bluefin.db")
	case slices.ContainsFunc(s.args, func(arg string) bool { return strings.HasPrefix(arg, "-") }):
		return usagef("the flag %s is behind a file, want flags before the files", s.args[slices.IndexFunc(s.args,
			func(arg string) bool { return strings.HasPrefix(arg, "-") })])
	case s.n < 1:
		return usagef("--number is %d, want at least 1", s.n)
	}
	studies, out, err := s.read(ctx, con)
	if err != nil {
		return err
	}
	if len(studies) == 0 {
		return fmt.Errorf("no study of %s can teach: %s", listed(s.args), strings.Join(out, "; "))
	}
	for _, line := range out {
		con.logf("Left out: %s.", line)
	}
	var names []string
	for _, one := range studies {
		names = append(names, one.From)
	}
	histories, err := earlier.Copies{Studies: studies}.Histories()
	if err != nil {
		return err
	}
	if err := overlap(studies); err != nil {
		return err
	}
	found, err := sampler.Defaults(histories, s.n)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return errors.New("the studies have no parameter with more than one value in common")
	}
	return s.print(con, names, found)
}

// read copies the studies of the arguments.
func (s *suggestDefaultsCommand) read(ctx context.Context, con console) (all []earlier.Study, out []string, err error) {
	want := s.studies.Value()
	seen := map[string]bool{}
	for _, value := range s.args {
		at, name, err := earlierPlace(value)
		if err != nil {
			return nil, nil, err
		}
		some, left, err := copiesOf(ctx, con, at, name, func(name string) bool {
			seen[name] = true
			return len(want) == 0 || slices.Contains(want, name)
		})
		if err != nil {
			return nil, nil, err
		}
		all, out = append(all, some...), append(out, left...)
		seen[name] = true
	}
	for _, name := range want {
		if !seen[name] {
			return nil, nil, usagef("--study is %q, and %s has no such study", name, listed(s.args))
		}
	}
	return all, out, nil
}

// overlap returns an error if a study shares no parameter with any other.
func overlap(studies []earlier.Study) error {
	for i, one := range studies {
		if len(studies) > 1 && !slices.ContainsFunc(studies, func(other earlier.Study) bool {
			return other.From != studies[i].From && slices.ContainsFunc(one.Names(), func(name string) bool {
				return slices.Contains(other.Names(), name)
			})
		}) {
			return fmt.Errorf("%s has no parameter that another study has: want --study with studies of one search space",
				one.From)
		}
	}
	return nil
}

// print writes the settings.
func (s *suggestDefaultsCommand) print(con console, names []string, found []sampler.Default) error {
	var settings []any
	for _, d := range found {
		settings = append(settings, paramsOf(d.Trial))
	}
	switch s.format {
	case "json":
		text, err := pyjson.Marshal(settings)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(con.out, "%s\n", text)
		return err
	case "yaml":
		return writeYAML(con.out, pyjson.Object{{Name: "enqueue", Value: settings}})
	}
	reached := make([]float64, len(names))
	for i := range reached {
		reached[i] = math.NaN()
	}
	var columns []string // the parameters, in the order of the first settings
	for _, d := range found {
		for _, p := range d.Trial.Params {
			if !slices.Contains(columns, p.Name) {
				columns = append(columns, p.Name)
			}
		}
	}
	var records []record
	for i, d := range found {
		r := record{{Name: "setting", Value: i + 1}}
		for _, name := range columns {
			p, ok := d.Trial.Param(name)
			if !ok {
				r = append(r, pyjson.Member{Name: name, Value: ""})
				continue
			}
			r = append(r, pyjson.Member{Name: name, Value: p.External()})
		}
		for k, rank := range d.Ranks {
			if !(reached[k] <= rank) {
				reached[k] = rank
			}
		}
		records = append(records, append(r, pyjson.Member{Name: "rank", Value: percent(mean(reached))}))
	}
	f := formatFlags{format: "table"}
	if err := f.print(con, records, false); err != nil {
		return err
	}
	con.logf("Over %s, %s of the trials are better than the best of these settings.", counted(len(names), "study"),
		percent(mean(reached)))
	return nil
}

// paramsOf returns the external values of a trial by name, in order.
func paramsOf(t *trial.Trial) record {
	var r record
	for _, p := range t.Params {
		r = append(r, pyjson.Member{Name: p.Name, Value: p.External()})
	}
	return r
}

// mean returns the mean of the numbers.
func mean(list []float64) float64 {
	sum, n := 0.0, 0.0
	for _, x := range list {
		if !math.IsNaN(x) {
			sum, n = sum+x, n+1
		}
	}
	return sum / n
}

func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) + " %" }
