package remote_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/remote"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// both runs a benchmark on a file, and on the same kind of file behind a server.
func both(b *testing.B, run func(*testing.B, storage.Viewer)) {
	b.Run("file", func(b *testing.B) { run(b, file(b, filepath.Join(b.TempDir(), "s.db"))) })
	b.Run("remote", func(b *testing.B) {
		run(b, serve(b, remote.Handler(file(b, filepath.Join(b.TempDir(), "s.db"))), remote.Options{}))
	})
}

// BenchmarkTrial is what a trial with seven parameters costs, drawn at random.
func BenchmarkTrial(b *testing.B) {
	both(b, func(b *testing.B, s storage.Viewer) {
		st, err := study.Open(b.Context(), study.Config{Name: "a", Storage: s, Sampler: &sampler.Random{}, Seed: 1})
		if err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		err = st.Optimize(b.Context(), func(t *study.Trial) (float64, error) {
			sum := 0.0
			for i := range 7 {
				sum += t.Float(fmt.Sprint("x", i), 0, 1)
			}
			return sum, nil
		}, study.Budget{Trials: b.N})
		if err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkSince reads a study of 20,000 trials with seven parameters and five reports.
func BenchmarkSince(b *testing.B) {
	s := storage.Snapshot{Study: storage.Study{Name: "a", Directions: []trial.Direction{trial.Minimize}}}
	for i := range 20_000 {
		t := &trial.Trial{Number: i, State: trial.Complete, Values: []float64{1 / float64(i+1)}}
		for j := range 7 {
			t.Params = append(t.Params, trial.Param{Name: fmt.Sprint("x", j), Value: float64(i+j) / 30_000, Dist: space.Float{High: 1}})
		}
		for j := range 5 {
			t.Reports = append(t.Reports, trial.Report{Step: j, Value: float64(i) / float64(j+3)})
		}
		s.Trials = append(s.Trials, t)
	}
	both(b, func(b *testing.B, v storage.Viewer) {
		study, err := v.Import(b.Context(), s)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if c, err := v.Since(b.Context(), study.ID, 0); err != nil || len(c.Trials) != len(s.Trials) {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCheckpoint writes and reads 64 MB.
func BenchmarkCheckpoint(b *testing.B) {
	data := make([]byte, 64<<20)
	both(b, func(b *testing.B, v storage.Viewer) {
		study, err := v.Create(b.Context(), "a", []trial.Direction{trial.Minimize})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := v.Add(b.Context(), study.ID, &trial.Trial{Number: -1}); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(2 * int64(len(data)))
		for b.Loop() {
			if err := v.Write(b.Context(), study.ID, 0, storage.Update{Checkpoint: &storage.Checkpoint{Data: data}}); err != nil {
				b.Fatal(err)
			}
			if c, err := v.Checkpoint(b.Context(), study.ID, 0); err != nil || len(c.Data) != len(data) {
				b.Fatal(err)
			}
		}
	})
}
