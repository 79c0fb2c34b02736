package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

func finetuneCommand() *cli.Command {
	return &cli.Command{
		Name:  "finetune",
		Usage: "search for the settings that fine-tune a small pretrained network best",
		Description: "A network that knows the handwritten digits 0 to 4 learns 5 to 9 from a few images.\n" +
			"Each trial is one fine-tuning; its value is the validation loss. Trial 0 has the\n" +
			"recommended default settings. Run the same command again to go on after a stop.",
		Flags: []cli.Flag{
			storageFlag(),
			&cli.StringFlag{Name: "study-name", Value: "digits", Usage: "the `NAME` of the study; it is created if it does not exist"},
			&cli.IntFlag{Name: "trials", Value: 30, Usage: "the `NUMBER` of trials that the study shall have in all"},
			&cli.DurationFlag{Name: "timeout", DefaultText: "none", Usage: "stop after a `TIME` like 10m"},
			&cli.IntFlag{Name: "workers", Value: 1, Usage: "the `NUMBER` of trials that run at once"},
			samplerFlag(), prunerFlag(), seedFlag(), durabilityFlag(), orphansFlag(),
		},
		Action: runFinetune,
	}
}

func orphansFlag() cli.Flag {
	return &cli.StringFlag{Name: "orphans", Value: "resume",
		Usage: "what becomes of a trial whose worker was killed, `POLICY` is resume, retry or fail. It goes on under its number, from its last checkpoint; or it fails and a copy of it is queued; or it fails"}
}

// orphans reads the flag of that name.
func orphans(c *cli.Context) (storage.Policy, error) {
	policies := map[string]storage.Policy{"resume": storage.Resume, "retry": storage.Retry, "fail": storage.Fail}
	name, err := oneOf("orphans", c.String("orphans"), "resume", "retry", "fail")
	return policies[name], err
}

var errTimeout = errors.New("the timeout is over")

func runFinetune(c *cli.Context) (err error) {
	for _, name := range []string{"trials", "workers"} {
		if n := c.Int(name); n < 1 {
			return usagef("--%s is %d, want at least 1", name, n)
		}
	}
	ctx := c.Context
	if c.IsSet("timeout") {
		d := c.Duration("timeout")
		if d <= 0 {
			return usagef("--timeout is %v, want above 0", d)
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, d, errTimeout)
		defer cancel()
	}
	cfg := study.Config{Name: c.String("study-name"), Directions: []trial.Direction{trial.Minimize}, Seed: c.Uint64("seed")}
	if cfg.Sampler, err = samplerFor(c); err != nil {
		return err
	}
	if cfg.Pruner, err = prunerFor(c, cfg.Name); err != nil {
		return err
	}
	if cfg.Orphans.Policy, err = orphans(c); err != nil {
		return err
	}
	level, err := durability(c)
	if err != nil {
		return err
	}
	task, err := finetune.Digits()
	if err != nil {
		return err
	}
	db, err := openWith(c, sqlite.Options{Durability: level})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	cfg.Storage = db
	show := &progress{w: c.App.ErrWriter, total: c.Int("trials")}
	cfg.Ended = show.ended
	s, err := study.Open(ctx, cfg)
	if err != nil {
		return err
	}
	if err := sameTask(ctx, s, cfg.Seed); err != nil {
		return err
	}
	if _, err := s.EnqueueFirst(ctx, task.Space.Params(task.Defaults, task.Layers)); err != nil {
		return err
	}
	if err := show.begin(ctx, s); err != nil {
		return err
	}
	err = s.Optimize(ctx, task.Objective(task.Space, cfg.Seed), study.Budget{Trials: c.Int("trials"), Workers: c.Int("workers")})
	return finetuneEnd(c, s, err)
}

// sameTask sees to it that all trials of a study are of one task, trained with
// one seed: otherwise their values could not be compared.
func sameTask(ctx context.Context, s *study.Study, seed uint64) error {
	attrs, err := s.UserAttrs(ctx)
	if err != nil {
		return err
	}
	type task struct {
		Task string `json:"task"`
		Seed uint64 `json:"seed"`
	}
	want := task{"digits", seed}
	if stored, ok := attrs["finetune"]; ok {
		var was task
		switch err := json.Unmarshal(stored, &was); {
		case err != nil || was.Task != want.Task:
			return fmt.Errorf("study %q is of another task (%s): give it another --study-name", s.Name(), stored)
		case was.Seed != seed:
			return fmt.Errorf("study %q was begun with --seed %d, and trials of another seed could not be compared: give it --seed %d or another --study-name", s.Name(), was.Seed, was.Seed)
		}
		return nil
	}
	trials, err := s.Trials(ctx)
	if err != nil {
		return err
	}
	if countFinished(trials) > 0 {
		return fmt.Errorf("study %q holds trials of something else: give it another --study-name", s.Name())
	}
	return s.SetUserAttr(ctx, "finetune", want)
}

// finetuneEnd says how the search ended and what it found.
func finetuneEnd(c *cli.Context, s *study.Study, err error) error {
	ctx := context.WithoutCancel(c.Context)
	trials, readErr := s.Trials(ctx)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	finished := countFinished(trials)
	interrupted := err != nil && c.Context.Err() != nil
	if err != nil && !interrupted && !errors.Is(err, errTimeout) {
		return err
	}
	best, bestErr := s.Best(ctx)
	switch {
	case errors.Is(bestErr, study.ErrNoBest):
		logf(c, "No trial is complete yet.")
	case bestErr != nil:
		return bestErr
	default:
		printBest(c.App.Writer, best, trials[0], finished)
	}
	path, _ := storagePath(c.String("storage"))
	logf(c, "\nStudy %q is saved in %s. Its best parameters as JSON:\n  bluefin export --storage %s --study-name %s", s.Name(), path, shellWord(path), shellWord(s.Name()))
	switch {
	case interrupted:
		logf(c, "Interrupted with %d of %d trials. The same command goes on.", finished, c.Int("trials"))
		return errInterrupted
	case err != nil:
		logf(c, "Stopped by --timeout with %d of %d trials. The same command goes on.", finished, c.Int("trials"))
	case finished < c.Int("trials"):
		logf(c, "%d of %d trials have finished; the others are still running in other processes.", finished, c.Int("trials"))
	}
	return nil
}

func countFinished(trials []*trial.Trial) int {
	n := 0
	for _, t := range trials {
		if t.State.Finished() {
			n++
		}
	}
	return n
}

func printBest(w io.Writer, best, first *trial.Trial, finished int) {
	fmt.Fprintf(w, "Best of %d trials: trial %d, validation loss %.4f%s\n", finished, best.Number, best.Values[0], accuracies(best))
	for _, p := range best.Params {
		fmt.Fprintf(w, "  %-18s %s\n", p.Name, shortValue(p.External()))
	}
	if first.State == trial.Complete && best.Number != first.Number {
		fmt.Fprintf(w, "Default settings: trial %d, validation loss %.4f%s\n", first.Number, first.Values[0], accuracies(first))
	}
}

func accuracies(t *trial.Trial) string {
	s := ""
	for _, name := range []string{"validation", "test"} {
		var x float64
		if json.Unmarshal(t.UserAttrs[name+"_accuracy"], &x) == nil {
			s += fmt.Sprintf(", %s accuracy %.1f %%", name, 100*x)
		}
	}
	return s
}

// progress shows each trial as it ends.
type progress struct {
	w     io.Writer
	total int
	best  *trial.Trial
}

// begin says what the study has from earlier runs.
func (p *progress) begin(ctx context.Context, s *study.Study) error {
	trials, err := s.Trials(ctx)
	if err != nil {
		return err
	}
	finished := countFinished(trials)
	switch {
	case finished >= p.total:
		fmt.Fprintf(p.w, "Study %q has its %d trials already. A larger --trials goes on.\n", s.Name(), finished)
	case finished > 0:
		fmt.Fprintf(p.w, "Study %q has %d finished trials, going on to %d.\n", s.Name(), finished, p.total)
	}
	if best, err := s.Best(ctx); err == nil {
		p.best = best
	}
	return nil
}

func (p *progress) ended(t *trial.Trial) {
	value := "-"
	if len(t.Values) == 1 {
		value = fmt.Sprintf("%.4f", t.Values[0])
	}
	mark := " "
	if t.State == trial.Complete && (p.best == nil || t.Values[0] < p.best.Values[0]) {
		p.best, mark = t, "*"
	}
	var params []string
	for _, param := range t.Params {
		params = append(params, param.Name+"="+shortValue(param.External()))
	}
	switch last, reported := t.LastReport(); {
	case t.State == trial.Failed:
		params = append([]string{"(" + failureLine(t) + ")"}, params...)
	case t.State == trial.Pruned && reported:
		params = append([]string{fmt.Sprintf("(epoch %d)", last.Step)}, params...)
	}
	fmt.Fprintf(p.w, "%s trial %3d/%d  %-8s  loss %-7s %5.2f s  %s\n", mark, t.Number, p.total, strings.ToLower(t.State.String()), value,
		t.Duration().Seconds(), strings.Join(params, " "))
}

// shellWord quotes s for a shell if it must.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("-_./:=@%+,", r)
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func shortValue(v any) string {
	if x, ok := v.(float64); ok {
		return fmt.Sprintf("%.3g", x)
	}
	return fmt.Sprint(v)
}
