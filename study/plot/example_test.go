package plot_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

// searched returns the history of a small study.
func searched(trials int) trial.History {
	ctx := context.Background()
	s, err := study.Open(ctx, study.Config{Sampler: sampler.Random{}, Seed: 1})
	if err != nil {
		panic(err)
	}
	err = s.Optimize(ctx, func(t *study.Trial) (float64, error) {
		rate, layers := t.LogFloat("rate", 1e-4, 1), t.Int("layers", 1, 3)
		for step := range 3 {
			if err := t.Report(step, 1/float64(step+1)); err != nil {
				return 0, err
			}
		}
		return math.Abs(math.Log10(rate)+2) + float64(layers)/10, nil
	}, study.Budget{Trials: trials})
	if err != nil {
		panic(err)
	}
	h, err := s.History(ctx)
	if err != nil {
		panic(err)
	}
	return h
}

// The points of a picture of the values and the best one so far.
func ExampleHistory() {
	p, err := plot.History(searched(4), plot.Config{Names: []string{"loss"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, q := range p.Points {
		fmt.Printf("trial %d: %s %.3f, best %.3f\n", q.Trial, p.Value.Name, q.Value, q.Best)
	}
	// Output:
	// trial 0: loss 0.648, best 0.648
	// trial 1: loss 0.591, best 0.591
	// trial 2: loss 1.886, best 0.591
	// trial 3: loss 0.820, best 0.591
}

// Each point has a coordinate on the axis of its parameter.
func ExampleSlice() {
	p, err := plot.Slice(searched(3), plot.Config{Params: []string{"layers"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := json.NewEncoder(os.Stdout).Encode(p.Params[0].Param); err != nil {
		fmt.Println(err)
	}
	for _, q := range p.Params[0].Points {
		fmt.Printf("trial %d: %v layers, value %.3f\n", q.Trial, q.X, q.Value)
	}
	// Output:
	// {"name":"layers","int":true,"low":1,"high":3}
	// trial 0: 3 layers, value 0.648
	// trial 1: 1 layers, value 0.591
	// trial 2: 3 layers, value 1.886
}

// The surface has the typical value around each node of a grid, and NaN where no trial is near.
func ExampleContour() {
	p, err := plot.Contour(searched(200), plot.Config{Params: []string{"layers", "rate"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, j := range []int{0, 20, 39} {
		for i := range p.GridX {
			fmt.Printf("%v layers, rate %.4f: %.1f\n", p.GridX[i], p.GridY[j], p.Surface[j][i])
		}
	}
	// Output:
	// 1 layers, rate 0.0001: 2.1
	// 2 layers, rate 0.0001: 2.1
	// 3 layers, rate 0.0001: 2.2
	// 1 layers, rate 0.0113: 0.3
	// 2 layers, rate 0.0113: 0.4
	// 3 layers, rate 0.0113: 0.4
	// 1 layers, rate 1.0000: 2.0
	// 2 layers, rate 1.0000: 2.2
	// 3 layers, rate 1.0000: 2.2
}

// A filter and a sample are histories, too: any plot takes them.
func ExampleWhere() {
	h := searched(1000)
	shallow := plot.Where(h, func(t *trial.Trial) bool {
		layers, ok := t.Param("layers")
		return ok && layers.External() == 1
	})
	few := plot.Thin(shallow, 50)
	best, _ := shallow.Best()
	kept, _ := few.Best()
	fmt.Println(len(h.Finished()), len(shallow.Finished()), len(few.Finished()), best == kept)
	// Output:
	// 1000 360 50 true
}

// Trials that ran at the same time are in different lanes.
func ExampleTimeline() {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	log.Put(&trial.Trial{Number: 0, State: trial.Complete, Values: []float64{1}, Start: start, End: start.Add(time.Minute)})
	log.Put(&trial.Trial{Number: 1, State: trial.Running, Start: start.Add(30 * time.Second)})
	p := plot.Timeline(log.History(), start.Add(2*time.Minute))
	for _, b := range p.Bars {
		fmt.Println("trial", b.Trial, b.State, "in lane", b.Lane, "for", b.End.Sub(b.Start))
	}
	fmt.Println(p.Idle)
	// Output:
	// trial 0 COMPLETE in lane 0 for 1m0s
	// trial 1 RUNNING in lane 1 for 1m30s
	// [0.5 0.25]
}
