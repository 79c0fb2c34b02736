package finetune

import (
	"log/slog"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A trial that another program stops ends as pruned, and the search runs the next one.
func TestStoppedTrialsArePruned(t *testing.T) {
	cfg := study.Config{Name: "s", Storage: &storage.Memory{}, Logger: slog.New(slog.DiscardHandler)}
	other := open(t, cfg)
	var stopped error
	cfg.OnReport = func(tr *trial.Trial, _ trial.Report) {
		if tr.Number == 0 && len(tr.Reports) == 1 {
			_, stopped = other.StopTrial(t.Context(), 0) // the trial learns it at its next report
		}
	}
	s := open(t, cfg)
	if err := s.Optimize(t.Context(), digitsTask(t).Objective(quick(), studySeed), study.Budget{Trials: 2}); err != nil {
		t.Fatal(err)
	}
	all := trials(t, s)
	if stopped != nil || all[0].State != trial.Pruned || len(all[0].Reports) != 1 || all[1].State != trial.Complete {
		t.Errorf("got %v and %v, %v, want a pruned trial with its report, and a complete one", all[0], all[1], stopped)
	}
}
