package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/train"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// finetuneEnd says how the search ended and what it found.
func finetuneEnd(c *cli.Context, s *study.Study, task *task, err error) error {
	ctx := context.WithoutCancel(c.Context)
	trials, readErr := s.Trials(ctx)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	finished := countFinished(trials)
	interrupted := err != nil && c.Context.Err() != nil
	allFailed := errors.As(err, new(*study.TrialError)) // of this call
	if err != nil && !interrupted && !allFailed && !errors.Is(err, errTimeout) {
		return err
	}
	best, bestErr := s.Best(ctx)
	switch {
	case errors.Is(bestErr, study.ErrNoBest) && allFailed:
		return err
	case errors.Is(bestErr, study.ErrNoBest) && err == nil && finished > 0 && len(failed(trials)) == finished:
		return fmt.Errorf("all %d trials of study %q have failed, the last with: %s", finished, s.Name(), failureLine(failed(trials)[finished-1]))
	case errors.Is(bestErr, study.ErrNoBest):
		logf(c, "No trial is complete yet.")
	case bestErr != nil:
		return bestErr
	default:
		printBest(c.App.Writer, task.Metric, best, trials[0], finished)
		printOverfit(c, trials)
	}
	printFeatures(c, task)
	path, _ := storagePath(c.String("storage"))
	logf(c, "\nStudy %q is saved in %s. Its best parameters as JSON:\n  bluefin export --storage %s --study-name %s", s.Name(), path, shellWord(path), shellWord(s.Name()))
	switch {
	case interrupted:
		logf(c, "Interrupted with %d of %d trials. The same command goes on.", finished, c.Int("trials"))
		return errInterrupted
	case allFailed:
		return err
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

func failed(trials []*trial.Trial) (all []*trial.Trial) {
	for _, t := range trials {
		if t.State == trial.Failed {
			all = append(all, t)
		}
	}
	return all
}

func printBest(w io.Writer, metric train.Metric, best, first *trial.Trial, finished int) {
	message.Fprintf(w, "Best of %d trials: trial %d, validation %s %.4f%s\n", finished, best.Number, metric, best.Values[0], scores(metric, best))
	width := 18
	for _, p := range best.Params {
		width = max(width, len(p.Name))
	}
	for _, p := range best.Params {
		message.Fprintf(w, "  %-*s %s\n", width, p.Name, shortValue(p.External()))
	}
	if first.State == trial.Complete && best.Number != first.Number {
		message.Fprintf(w, "Recommended settings: trial %d, validation %s %.4f%s\n", first.Number, metric, first.Values[0], scores(metric, first))
	}
}

// scores says how good the network of a trial is, but for what its value says.
func scores(metric train.Metric, t *trial.Trial) string {
	s := ""
	for _, part := range []string{"validation", "test"} {
		for _, c := range []struct {
			metric       train.Metric
			scale        float64
			name, format string
		}{
			{train.MetricAccuracy, 100, "accuracy", "%.1f %%"}, {train.MetricAUROC, 1, "AUROC", "%.4f"},
			{train.MetricRMSE, 1, "RMSE", "%.4g"}, {train.MetricR2, 1, "R²", "%.4f"},
		} {
			var x float64
			if part == "validation" && c.metric == metric || json.Unmarshal(t.UserAttrs[part+"_"+string(c.metric)], &x) != nil {
				continue
			}
			s += fmt.Sprintf(", %s %s "+c.format, part, c.name, c.scale*x)
		}
	}
	return s
}

// progress shows each trial as it ends.
type progress struct {
	w      io.Writer
	total  int
	metric train.Metric
	step   string // what trials report by
	better func(a, b float64) bool
	best   *trial.Trial
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
		message.Fprintf(p.w, "Study %q has its %d trials already. A larger --trials goes on.\n", s.Name(), finished)
	case finished > 0:
		message.Fprintf(p.w, "Study %q has %d finished trials, going on to %d.\n", s.Name(), finished, p.total)
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
	if t.State == trial.Complete && (p.best == nil || p.better(t.Values[0], p.best.Values[0])) {
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
		params = append([]string{fmt.Sprintf("(%s %d)", p.step, last.Step)}, params...)
	}
	message.Fprintf(p.w, "%s trial %3d/%d  %-8s  %s %-7s %5.2f s  %s\n", mark, t.Number, p.total, strings.ToLower(t.State.String()), p.metric, value,
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
	if message.Visible(s) != s {
		return "$'" + message.Visible(strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s)) + "'"
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func shortValue(v any) string {
	if x, ok := v.(float64); ok {
		return fmt.Sprintf("%.3g", x)
	}
	return fmt.Sprint(v)
}

// printOverfit says which trials came to know their examples by heart.
func printOverfit(c *cli.Context, trials []*trial.Trial) {
	var over []string
	seen := 0
	for _, t := range trials {
		var losses [][2]float64
		if json.Unmarshal(t.UserAttrs["loss_by_epoch"], &losses) != nil {
			continue
		}
		o, ok := finetune.Overfitting(losses)
		if !ok {
			continue
		}
		if seen++; o.Over() {
			over = append(over, fmt.Sprint(t.Number))
		}
	}
	if len(over) == 0 {
		return
	}
	which := "trials "
	if len(over) == 1 {
		which = "trial "
	}
	list := which + strings.Join(over[:min(len(over), 10)], ", ")
	if len(over) > 10 {
		list += ", …"
	}
	logf(c, "Over-fitting: in %d of %d complete trials the validation loss rose by more than %.0f %% from its best while the training loss still fell (%s). What counts is the best epoch of each.",
		len(over), seen, 100*finetune.OverfitRise, list)
}

// printFeatures says what computing frozen blocks once was worth, and why it
// could not be done, and what else could not.
func printFeatures(c *cli.Context, task *task) {
	if st := task.Features.Stats(); st.Saved >= time.Second {
		logf(c, "Frozen blocks: features computed %d times in %.1f s, found %d times, which saved %.1f s.", st.Misses, st.Computed.Seconds(), st.Hits+st.DiskHits, st.Saved.Seconds())
		if st.DiskError != nil {
			logf(c, "Not all features could be kept on disk: %v", st.DiskError)
		}
	}
	if task.WithoutCheckpoints() {
		logf(c, "Trials that train very much had no checkpoints, as their states are larger than %d MiB: after a kill they start anew.", storage.MaxCheckpoint>>20)
	}
	for _, note := range task.Notes() {
		logf(c, "Frozen blocks were computed again in each epoch: %s.", note)
	}
}
