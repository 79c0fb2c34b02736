package study_test

import (
	"context"
	"errors"
	"testing"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A watched storage calls after each write.
type watched struct {
	storage.Storage
	after func()
}

func (w *watched) Write(ctx context.Context, id int64, number int, u storage.Update) error {
	err := w.Storage.Write(ctx, id, number, u)
	w.after()
	return err
}

// A reader that comes between the release of a trial and the end of its background work must not keep the
// trial as running.
func TestReleasedTrialIsSeenInTheQueue(t *testing.T) {
	w := &watched{Storage: &storage.Memory{}, after: func() {}}
	s := open(t, w)
	w.after = func() {
		if _, err := s.Trials(t.Context()); err != nil {
			t.Error(err)
		}
	}
	err := s.Optimize(t.Context(), func(tr *study.Trial) (float64, error) {
		tr.Float("x", 0, 1)
		return 0, &study.AbortError{Err: errors.New("no more")}
	}, study.Budget{Trials: 5})
	if !errors.As(err, new(*study.AbortError)) {
		t.Errorf("Optimize returns %v, want an AbortError", err)
	}
	if all := trials(t, s); len(all) != 1 || all[0].State != trial.Waiting {
		t.Errorf("the trials are %v, want one in the queue", all)
	}
}
