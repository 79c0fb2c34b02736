package study_test

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"reflect"
	"time"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The parameters of the best trial as JSON, for the program that trains the final model.
func ExampleStudy_Export() {
	s, err := study.Open(ctx, study.Config{Name: "digits", Sampler: sampler.Random{}})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := s.Enqueue(ctx, map[string]any{"learning_rate": 0.01, "layers": 2}); err != nil {
		log.Fatal(err)
	}
	err = s.Optimize(ctx, func(t *study.Trial) (float64, error) {
		return t.LogFloat("learning_rate", 1e-5, 1) * float64(t.Int("layers", 1, 4)), nil
	}, study.Budget{Trials: 1})
	if err != nil {
		log.Fatal(err)
	}
	best, _ := s.Best(ctx)
	text, _ := json.Marshal(s.Export(best).Params) // Export(best) also has the value, attributes and times
	fmt.Println(string(text))
	// Output: {"learning_rate":0.01,"layers":2}
}

// A table for spreadsheets and data frames. Usually the trials are those of Study.Trials.
func ExampleWriteCSV() {
	start := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	x := space.Float{Low: 0, High: 1}
	trials := []*trial.Trial{
		{Number: 0, State: trial.Complete, Values: []float64{0.25}, Params: []trial.Param{{Name: "x", Value: 0.5, Dist: x}},
			Start: start, End: start.Add(3 * time.Second)},
		{Number: 1, State: trial.Running, Params: []trial.Param{{Name: "x", Value: 0.1, Dist: x}}, Start: start},
	}
	if err := study.WriteCSV(os.Stdout, trials); err != nil {
		log.Fatal(err)
	}
	// Output:
	// number,state,value,start,end,duration,params_x,failure
	// 0,COMPLETE,0.25,2026-01-02T12:00:00Z,2026-01-02T12:00:03Z,3,0.5,
	// 1,RUNNING,,2026-01-02T12:00:00Z,,,0.1,
}

// Replay draws the parameters of a trial again. That they are equal shows that sampler and seed are
// those of the search.
func ExampleStudy_Replay() {
	s, err := study.Open(ctx, study.Config{Seed: 42})
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Optimize(ctx, parabola, study.Budget{Trials: 20, Workers: 2}); err != nil {
		log.Fatal(err)
	}
	all, _ := s.Trials(ctx)
	drawn, err := s.Replay(ctx, 15)
	fmt.Println(reflect.DeepEqual(drawn, all[15].Params), err)
	// Output: true <nil>
}

// CMA-ES can start where an earlier study of a similar problem was best.
func ExampleStudy_History() {
	small, err := study.Open(ctx, study.Config{Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	if err := small.Optimize(ctx, parabola, study.Budget{Trials: 50}); err != nil {
		log.Fatal(err)
	}
	history, err := small.History(ctx)
	if err != nil {
		log.Fatal(err)
	}
	large, err := study.Open(ctx, study.Config{Sampler: &sampler.CMAES{Source: history}, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	if err := large.Optimize(ctx, parabola, study.Budget{Trials: 20}); err != nil {
		log.Fatal(err)
	}
	best, _ := large.Best(ctx)
	fmt.Println("good:", best.Values[0] < 0.1)
	// Output: good: true
}
