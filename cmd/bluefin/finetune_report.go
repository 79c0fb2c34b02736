package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

// report shows how the search ended, with err, and what it found.
func (t *tuning) report(ctx context.Context, err error) error {
	return t.runner.report(ctx, t.console, t.study, err, func(best, trials []*trial.Trial, finished int) {
		if best != nil {
			printBest(t.out, t.task.Metric, best[0], trials[0], finished)
			t.printOverfit(trials)
		}
		for _, note := range t.task.Notes() {
			t.logf("%s", note)
		}
	})
}

// printBest shows the best trial, and how much it gains over the recommended settings.
func printBest(w io.Writer, metric train.Metric, best, first *trial.Trial, finished int) {
	message.Fprintf(w, "Best of %d trials: trial %d, validation %s %.4f%s\n", finished, best.Number, metric,
		best.Values[0], scores(metric, best))
	printParams(w, best, 18)
	if first.State == trial.Complete && best.Number != first.Number {
		message.Fprintf(w, "Recommended settings: trial %d, validation %s %.4f%s\n", first.Number, metric,
			first.Values[0], scores(metric, first))
	}
}

// scores lists the scores of the network of a trial, except for the one that is its value.
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
			attr := t.UserAttrs[part+"_"+string(c.metric)]
			if part == "validation" && c.metric == metric || json.Unmarshal(attr, &x) != nil {
				continue
			}
			s += fmt.Sprintf(", %s %s "+c.format, part, c.name, c.scale*x)
		}
	}
	return s
}

// shellWord quotes s for a shell if necessary.
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

// printOverfit reports the trials that began to memorize their examples.
func (t *tuning) printOverfit(trials []*trial.Trial) {
	log := trial.NewLog(t.study.Directions())
	for _, one := range trials {
		log.Put(one)
	}
	var over []string
	seen := 0
	for _, curve := range plot.Training(log.History()).Curves {
		if curve.State != trial.Complete.String() {
			continue
		}
		if seen++; curve.Overfitted {
			over = append(over, fmt.Sprint(curve.Trial))
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
	t.logf("Over-fitting: in %d of %d complete trials the validation loss rose by more than 10 %% from its best "+
		"while the training loss still fell (%s). Only the best epoch of each counts.",
		len(over), seen, list)
}
