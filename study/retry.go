package study

import (
	"context"
	"fmt"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// retry queues a copy of a failed trial, unless it is the last of so many
// retries. A process that is killed between the end of the trial and this does
// not repeat it.
func (s *Study) retry(ctx context.Context, t *trial.Trial, retries int) error {
	if retries == 0 {
		return nil
	}
	_, again := storage.Orphans{Policy: storage.Retry, Limit: retries}.Abandon(t, 0)
	if again == nil {
		return nil
	}
	if _, err := s.cfg.Storage.Add(ctx, s.record.ID, again); err != nil {
		return fmt.Errorf("retry trial %d: %w", t.Number, err)
	}
	return nil
}
