package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/kballard/go-shellquote"
	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
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
		Description: "With -f env it prints variables for a shell: BLUEFIN_PARAM_NAME for each parameter, and those from " +
			"which report, should-prune and tell then know the trial. See docs/scripts.md for a whole loop.",
		Flags: slices.Concat(a.format.flags("json", "env"), a.study.flags(), []cli.Flag{
			a.sampler.nameFlag("tpe"), a.sampler.kwargsFlag(), a.sampler.seedFlag(),
			&cli.StringFlag{Name: "search-space", Destination: &a.space,
				Usage: "`JSON` object of distributions by parameter, like " +
					`{"lr": {"type": "float", "low": 1e-5, "high": 0.1, "log": true}, ` +
					`"opt": {"type": "categorical", "choices": ["sgd", "adam"]}}` +
					"; @FILE reads it from a file, @- from standard input"},
			&cli.DurationFlag{Name: "lease", Destination: &a.lease, DefaultText: askLease.String(), Action: checkLease,
				Usage: "the `TIME` without a report after which another worker may claim the trial. If given, ask " +
					"also prints a lease_id, with which report, should-prune and tell notice that"},
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
	dims, err := searchspace.ParseJSON(text)
	if err != nil {
		return usagef("--search-space: %w", err)
	}
	if a.format.format == "env" {
		var params []trial.Param
		for _, d := range dims {
			params = append(params, trial.Param{Name: d.Name, Dist: d.Dist})
		}
		if _, err := envText(params); err != nil {
			return err
		}
	}
	s, seed, err := a.sampler.sampler(0)
	if err != nil {
		return err
	}
	return a.study.withPruner(ctx, con, access{mustExist: true}, study.Config{Sampler: s, Seed: seed},
		func(s *study.Study) error {
			// Asked first, because the new trial counts as one of the combinations.
			exhausted, err := s.Exhausted(ctx)
			if err != nil {
				return err
			}
			lease := storage.Lease{Owner: rand.Text(), Duration: cmp.Or(a.lease, askLease)}
			t, err := s.AskDetached(ctx, study.Detached{Params: dims, Lease: lease})
			if err != nil {
				return err
			}
			if _, queued := t.SystemAttrs[sysattr.FixedParams]; exhausted && !queued {
				con.logf("Every combination has been tried or is being tried; trial %d repeats one.", t.Number)
			}
			if a.format.format == "env" {
				return started(t.Number, a.printEnv(con, s.Name(), t, lease.Owner))
			}
			params := record{}
			for _, p := range t.Params {
				params = append(params, pyjson.Member{Name: p.Name, Value: p.External()})
			}
			r := record{{Name: "number", Value: t.Number}, {Name: "params", Value: params}}
			if a.lease > 0 {
				r = append(r, pyjson.Member{Name: "lease_id", Value: lease.Owner})
			}
			return started(t.Number, a.format.print(con, []record{r}, true))
		})
}

// started names the trial in an error of its output: it runs anyway.
func started(number int, err error) error {
	if err != nil {
		return fmt.Errorf("trial %d has started, and must be told: %w", number, err)
	}
	return nil
}

// printEnv prints the trial as variables for a shell. Those of bluefin tune, which may run the shell,
// are emptied: the trial is not the one of tune.
func (a *askCommand) printEnv(con console, study string, t *trial.Trial, leaseID string) error {
	p, err := a.study.storage.place()
	if err == nil {
		p, err = p.absolute()
	}
	if err != nil {
		return err
	}
	params, err := envText(t.Params)
	if err != nil {
		return err
	}
	from := "BLUEFIN_STORAGE=" + shellquote.Join(p.String()) + " "
	if p.secret() {
		from = "" // the shell has it, or --storage
		con.logf("BLUEFIN_STORAGE is not printed, because the URL has a password: set it yourself.")
	}
	_, err = fmt.Fprintf(con.out, "export %sBLUEFIN_STUDY_NAME=%s BLUEFIN_TRIAL_NUMBER=%d\n"+
		"export BLUEFIN_LEASE_ID=%s BLUEFIN_REPORTS= BLUEFIN_STOP=\n%s",
		from, shellquote.Join(study), t.Number, leaseID, params)
	return err
}
