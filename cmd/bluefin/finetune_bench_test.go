package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// BenchmarkFinetune prints what a search gains, as docs/finetuning.md has
// it: for each of ten studies of 30 trials the test accuracy of
// the best trial and of the recommended settings, trial 0, which were trained
// with the same seed.
//
//	go test -run '^$' -bench 'Finetune/fashion' -benchtime 1x -timeout 1h ./cmd/bluefin
func BenchmarkFinetune(b *testing.B) {
	const studies, trials = 10, 30
	for _, task := range []string{"digits", "fashion"} {
		b.Run(task, func(b *testing.B) {
			var table strings.Builder
			for b.Loop() {
				table.Reset()
				table.WriteString("\n| seed | recommended | best of 30 | frozen_layers | seconds |\n|---|---|---|---|---|\n")
				var gains []float64
				for seed := range studies {
					file := filepath.Join(b.TempDir(), fmt.Sprint(task, seed, ".db"))
					var out bytes.Buffer
					began := time.Now()
					if code := run(context.Background(), []string{"bluefin", "finetune", "--storage", file, "--task", task, "--trials", fmt.Sprint(trials),
						"--workers", "1", "--seed", fmt.Sprint(seed)}, &out, &out); code != 0 {
						b.Fatalf("exit code %d: %s", code, out.Bytes())
					}
					took := time.Since(began)
					first, best := ends(b, file, task)
					frozen, _ := best.Param("frozen_layers")
					x, y := testAccuracy(b, first), testAccuracy(b, best)
					gains = append(gains, y-x)
					fmt.Fprintf(&table, "| %d | %.4f | %.4f | %v | %.1f |\n", seed, x, y, frozen.External(), took.Seconds())
				}
				mean, deviation := stat.MeanStdDev(gains, nil)
				t, p := paired(gains)
				fmt.Fprintf(&table, "gain %.4f, standard deviation %.4f over studies, paired t = %.2f with %d degrees of freedom, two-sided p = %.2g\n", mean, deviation, t, studies-1, p)
				b.ReportMetric(mean, "gain")
				b.ReportMetric(p, "p")
			}
			fmt.Print(table.String()) // Log would cut it
		})
	}
}

// ends returns the first and the best trial of a study.
func ends(tb testing.TB, file, name string) (first, best *trial.Trial) {
	tb.Helper()
	ctx := context.Background()
	db, err := sqlite.Open(ctx, file, sqlite.Options{ReadOnly: true})
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	s, err := study.Load(ctx, study.Config{Name: name, Storage: db})
	if err != nil {
		tb.Fatal(err)
	}
	all, err := s.Trials(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	if best, err = s.Best(ctx); err != nil {
		tb.Fatal(err)
	}
	return all[0], best
}

func testAccuracy(tb testing.TB, t *trial.Trial) (x float64) {
	tb.Helper()
	if err := json.Unmarshal(t.UserAttrs["test_accuracy"], &x); err != nil {
		tb.Fatalf("trial %d, %v: %v", t.Number, t.State, err)
	}
	return x
}

// paired returns Student's t of differences and how probable one is that is as
// far from 0 or farther, if their mean is 0.
func paired(differences []float64) (t, p float64) {
	n := float64(len(differences))
	mean, deviation := stat.MeanStdDev(differences, nil)
	t = mean / (deviation / math.Sqrt(n))
	return t, 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Survival(math.Abs(t))
}

// The example of Student, "The probable error of a mean", 1908, section IX:
// hours of sleep gained by ten patients with the second drug over the first.
func TestPairedAgreesWithStudent(t *testing.T) {
	got, p := paired([]float64{1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4})
	if math.Abs(got-4.0621) > 1e-4 || math.Abs(p-0.002833) > 1e-6 {
		t.Errorf("t is %v and p %v, want 4.0621 and 0.002833", got, p)
	}
}
