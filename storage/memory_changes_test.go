package storage

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/trial"
)

func TestMemoryDoesNotGrowWithChanges(t *testing.T) {
	m := &Memory{}
	s, err := m.Create(t.Context(), "a", []trial.Direction{trial.Minimize})
	if err != nil {
		t.Fatal(err)
	}
	const trials = 3
	for range trials {
		if _, err := m.Begin(t.Context(), s.ID, Claim{Lease: Lease{Owner: "w", Duration: 1 << 40}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		if err := m.Write(t.Context(), s.ID, i%trials, Update{Renew: 1 << 40}); err != nil {
			t.Fatal(err)
		}
		c, err := m.Since(t.Context(), s.ID, int64(trials+i))
		if err != nil || len(c.Trials) != 1 || c.Trials[0].Number != i%trials {
			t.Fatalf("change %d: got %v, %v, want trial %d", i, c.Trials, err, i%trials)
		}
		if n := len(m.studies[s.ID].changes); n > 2*trials {
			t.Fatalf("after %d changes of %d trials the list has %d entries, want at most two for each", i, trials, n)
		}
	}
}
