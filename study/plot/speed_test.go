package plot_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

// large returns a study of 20,000 trials with ten parameters and 100 reports each, some of them
// conditional or pruned.
func large(directions ...trial.Direction) trial.History {
	r := rand.New(rand.NewPCG(1, 2))
	kinds := space.Categorical{Choices: []any{"a", "b", "c", nil}}
	log := trial.NewLog(directions)
	for i := range 20_000 {
		t := &trial.Trial{Number: i, State: trial.Complete, Start: noon.Add(time.Duration(i) * time.Second)}
		t.End = t.Start.Add(time.Duration(r.IntN(8000)) * time.Millisecond)
		y := 0.0
		for k := range 8 {
			x := r.Float64()
			y += (x - 0.4) * (x - 0.4) / float64(k+1)
			t.Params = append(t.Params, trial.Param{Name: fmt.Sprint("x", k), Value: x, Dist: space.Float{High: 1}})
		}
		t.Params = append(t.Params, trial.Param{Name: "kind", Value: float64(r.IntN(4)), Dist: kinds})
		if i%3 > 0 {
			t.Params = append(t.Params, trial.Param{Name: "n", Value: float64(1 + r.IntN(900)), Dist: space.Int{Low: 1, High: 1000, Log: true}})
		}
		for s := range 100 {
			t.Reports = append(t.Reports, trial.Report{Step: s + 1, Value: y + math.Exp(-float64(s)/20)})
		}
		for k := range directions {
			t.Values = append(t.Values, y+float64(k)*r.NormFloat64())
		}
		var losses [][2]float64
		for _, report := range t.Reports {
			losses = append(losses, [2]float64{report.Value / 2, report.Value})
		}
		text, err := json.Marshal(losses)
		if err != nil {
			panic(err)
		}
		t.UserAttrs = map[string]json.RawMessage{"loss_by_epoch": text}
		if i%10 == 9 {
			t.State, t.Reports = trial.Pruned, t.Reports[:20]
		}
		log.Put(t)
	}
	return log.History()
}

func BenchmarkPlots(b *testing.B) {
	whole := large(trial.Minimize)
	for _, h := range []trial.History{whole, plot.Thin(whole, 5000)} {
		for _, c := range []struct {
			name string
			draw func() error
		}{
			{"history", func() error { _, err := plot.History(h, plot.Config{}); return err }},
			{"slice", func() error { _, err := plot.Slice(h, plot.Config{}); return err }},
			{"contour", func() error { _, err := plot.Contour(h, plot.Config{Params: []string{"x0", "x1"}}); return err }},
			{"contour-most-important", func() error { _, err := plot.Contour(h, plot.Config{}); return err }},
			{"contour-log-choices", func() error { _, err := plot.Contour(h, plot.Config{Params: []string{"n", "kind"}}); return err }},
			{"rank", func() error { _, err := plot.Rank(h, plot.Config{Params: []string{"x0", "x1"}}); return err }},
			{"parallel", func() error { _, err := plot.Parallel(h, plot.Config{}); return err }},
			{"intermediate", func() error { _, err := plot.Intermediate(h, plot.Config{}); return err }},
			{"training", func() error { plot.Training(h); return nil }},
			{"timeline", func() error { plot.Timeline(h, noon); return nil }},
		} {
			b.Run(fmt.Sprintf("%s/%d", c.name, len(h.Finished())), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := c.draw(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkThin(b *testing.B) {
	for _, directions := range [][]trial.Direction{{trial.Minimize}, {trial.Minimize, trial.Maximize}} {
		h := large(directions...)
		b.Run(fmt.Sprintf("%d-objectives", len(directions)), func(b *testing.B) {
			for b.Loop() {
				plot.Thin(h, 5000)
			}
		})
	}
}
