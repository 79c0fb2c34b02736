package study_test

import (
	"fmt"
	"log"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Choose returns the type of its choices.
func ExampleChoose() {
	type optimizer string
	const sgd, adam optimizer = "sgd", "adam"

	best, err := study.Maximize(ctx, func(t *study.Trial) (float64, error) {
		batch := study.Choose(t, "batch_size", 16, 32, 64)
		score := float64(batch)
		if study.Choose(t, "optimizer", sgd, adam) == adam {
			score++
		}
		return score, nil
	}, 50)
	if err != nil {
		log.Fatal(err)
	}
	o, _ := trial.Value[optimizer](best, "optimizer")
	fmt.Println(best.Values[0], o)
	// Output: 65 adam
}

// Suggest takes any distribution, such as one with steps, or one that several objectives share.
func ExampleSuggest() {
	dropout := space.Float{Low: 0, High: 0.5, Step: 0.1}
	units := space.Int{Low: 32, High: 256, Step: 32}
	activation := space.Choose("relu", "gelu")

	t := study.Fixed(map[string]any{"dropout": 0.3, "units": 96, "activation": "gelu"})
	fmt.Println(study.Suggest(t, "dropout", dropout), study.Suggest(t, "units", units), study.Suggest(t, "activation", activation))
	// Output: 0.3 96 gelu
}

// A parameter may depend on others: the objective suggests it only where it matters.
func ExampleTrial_conditional() {
	objective := func(t *study.Trial) (float64, error) {
		if t.Categorical("optimizer", "sgd", "adam") == "sgd" {
			t.Float("momentum", 0, 0.99)
		}
		rates := 0.0
		for layer := range t.Int("layers", 1, 3) {
			rates += t.Float(fmt.Sprintf("dropout_%d", layer), 0, 0.5)
		}
		return rates, nil
	}
	s, err := study.Open(ctx, study.Config{Sampler: sampler.Random{}, Seed: 2})
	if err != nil {
		log.Fatal(err)
	}
	if err := s.Optimize(ctx, objective, study.Budget{Trials: 20}); err != nil {
		log.Fatal(err)
	}
	all, _ := s.Trials(ctx)
	for _, t := range all {
		o, _ := trial.Value[string](t, "optimizer")
		if _, ok := t.Param("momentum"); ok != (o == "sgd") {
			fmt.Println("trial", t.Number, "has momentum:", ok)
		}
	}
	fmt.Println(len(all), "trials")
	// Output: 20 trials
}

// A trial is feasible if none of its constraints is above 0. Infeasible trials are never the best.
func ExampleTrial_Constrain() {
	s, err := study.Open(ctx, study.Config{Directions: []trial.Direction{trial.Maximize}, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	err = s.Optimize(ctx, func(t *study.Trial) (float64, error) {
		width := t.Int("width", 1, 100)
		megabytes := float64(width) / 2
		if err := t.Constrain("memory", megabytes-20); err != nil { // at most 20 MB
			return 0, err
		}
		return float64(width), nil
	}, study.Budget{Trials: 100})
	if err != nil {
		log.Fatal(err)
	}
	best, _ := s.Best(ctx)
	fmt.Println("feasible:", best.Violation() == 0, "wide:", best.Values[0] > 35)
	// Output: feasible: true wide: true
}

// A declared space is checked before the first trial, and SuggestAll suggests all of it.
func ExampleTrial_SuggestAll() {
	sp, err := space.New(
		space.Dimension{Name: "learning_rate", Dist: space.Float{Low: 1e-5, High: 0.1, Log: true}},
		space.Dimension{Name: "layers", Dist: space.Int{Low: 1, High: 4}},
	)
	if err != nil {
		log.Fatal(err)
	}
	s, err := study.Open(ctx, study.Config{Space: sp, Seed: 1})
	if err != nil {
		log.Fatal(err)
	}
	err = s.Optimize(ctx, func(t *study.Trial) (float64, error) {
		p := t.SuggestAll()
		return p["learning_rate"].(float64) * float64(p["layers"].(int)), nil
	}, study.Budget{Trials: 60})
	best, _ := s.Best(ctx)
	fmt.Println(len(best.Params), "parameters, error:", err)
	// Output: 2 parameters, error: <nil>
}

// With several objectives there is no single best trial but a Pareto front.
func ExampleStudy_BestTrials() {
	s, err := study.Open(ctx, study.Config{
		Directions: []trial.Direction{trial.Maximize, trial.Minimize}, // accuracy, seconds
		Sampler:    sampler.Grid{Values: map[string][]any{"layers": {1, 2, 3}, "cached": {true, false}}},
	})
	if err != nil {
		log.Fatal(err)
	}
	err = s.OptimizeMulti(ctx, func(t *study.Trial) ([]float64, error) {
		layers := t.Int("layers", 1, 3)
		seconds := float64(10 * layers)
		if !study.Choose(t, "cached", true, false) {
			seconds += 5
		}
		return []float64{0.5 + float64(layers)/10, seconds}, nil
	}, study.Budget{}) // the grid ends the search
	if err != nil {
		log.Fatal(err)
	}
	front, _ := s.BestTrials(ctx)
	for _, t := range front {
		cached, _ := trial.Value[bool](t, "cached")
		fmt.Println(t.Values, cached)
	}
	// Unordered output:
	// [0.6 10] true
	// [0.7 20] true
	// [0.8 30] true
}
