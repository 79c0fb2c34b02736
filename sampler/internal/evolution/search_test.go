package evolution

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/trial"
)

// Several studies, or the brackets of one, share a strategy, which resumes each
// where it was.
func TestKeepsTheLastHistories(t *testing.T) {
	s := &Strategy{}
	for study := range 20 {
		log := trial.NewLog([]trial.Direction{trial.Minimize})
		log.Put(&trial.Trial{Number: study, State: trial.Complete, Values: []float64{0}})
		for range 2 {
			s.fold(log.History(), nil)
			if got := s.lines[0]; got.first.Number != study || got.newest.seen != 1 {
				t.Fatalf("study %d: the line of trial %d has seen %d trials", study, got.first.Number, got.newest.seen)
			}
		}
	}
	if len(s.lines) != 16 {
		t.Errorf("%d histories are kept, want the last 16", len(s.lines))
	}
}
