package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

// askCommand starts a trial for a program that is not written in Go.
type askCommand struct {
	format  formatFlags
	study   studyFlags
	sampler samplerFlags
	space   string
	lease   time.Duration // 0: a day, and no ID is printed
}

// askLease is the lease without --lease: no process of ours stays to renew it.
const askLease = 24 * time.Hour

// define has Optuna's flags, and --lease.
func (a *askCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "ask",
		Usage: "start a trial and print its number and parameters",
		Flags: slices.Concat(a.format.flags("json"), a.study.flags(), []cli.Flag{
			a.sampler.nameFlag("tpe"), a.sampler.kwargsFlag(), a.sampler.seedFlag(),
			&cli.StringFlag{Name: "search-space", Destination: &a.space,
				Usage: "`JSON` object of distributions by parameter, like " +
					`{"lr": {"type": "float", "low": 1e-5, "high": 0.1, "log": true}, ` +
					`"opt": {"type": "categorical", "choices": ["sgd", "adam"]}}` +
					"; @FILE reads it from a file, @- from standard input"},
			&cli.DurationFlag{Name: "lease", Destination: &a.lease, DefaultText: askLease.String(), Action: checkLease,
				Usage: "the `TIME` without a report after which another worker may claim the trial. If it is given, " +
					"ask prints lease_id too, which report, should-prune and tell take as a proof"},
		}),
		Action: action(a.run),
	}
}

func checkLease(_ *cli.Context, lease time.Duration) error {
	if lease <= 0 {
		return usagef("--lease is %v, want above 0", lease)
	}
	return nil
}

// run prints JSON by default, since a program reads it.
func (a *askCommand) run(ctx context.Context, con console) error {
	text, err := textOrFile(con, "search-space", a.space)
	if err != nil {
		return err
	}
	// All flags are checked before a trial starts: it would run until its lease ends.
	dims, err := parseSpace(text)
	if err != nil {
		return usagef("--search-space: %w", err)
	}
	s, seed, err := a.sampler.sampler(0)
	if err != nil {
		return err
	}
	return a.study.with(ctx, con, sqlite.Options{MustExist: true}, study.Config{Sampler: s, Seed: seed},
		func(s *study.Study) error {
			// Asked first, because the new trial counts as one of the combinations.
			exhausted, err := s.Exhausted(ctx)
			if err != nil {
				return err
			}
			lease := storage.Lease{Owner: rand.Text(), Duration: cmp.Or(a.lease, askLease)}
			t, err := s.AskDetached(ctx, dims, lease)
			if err != nil {
				return err
			}
			if _, queued := t.SystemAttrs[sysattr.FixedParams]; exhausted && !queued {
				con.logf("Every combination has been tried or is being tried; trial %d repeats one.", t.Number)
			}
			params := record{}
			for _, p := range t.Params {
				params = append(params, pyjson.Member{Name: p.Name, Value: p.External()})
			}
			r := record{{Name: "number", Value: t.Number}, {Name: "params", Value: params}}
			if a.lease > 0 {
				r = append(r, pyjson.Member{Name: "lease_id", Value: lease.Owner})
			}
			// The trial runs even if the output fails, so the error names it.
			if err := a.format.print(con, []record{r}, true); err != nil {
				return fmt.Errorf("trial %d has started, and must be told: %w", t.Number, err)
			}
			return nil
		})
}
