// Export hands the result of a search to another program: it writes the best
// parameters to a JSON file and reads them back into a Go struct, as a program
// that trains the final model would.
//
// It prints the file and the struct, and writes best.json or the file that
// -output names.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"

	"github.com/bluefin-hpo/bluefin/study"
)

// Settings is the input of the other program. Its JSON names are those of the
// parameters.
type Settings struct {
	LearningRate float64 `json:"learning_rate"`
	Layers       int     `json:"layers"`
	Optimizer    string  `json:"optimizer"`
}

func loss(t *study.Trial) (float64, error) {
	rate, layers := t.LogFloat("learning_rate", 1e-5, 1), t.Int("layers", 1, 8)
	v := math.Pow(math.Log10(rate)+2, 2) + math.Abs(float64(layers-4))
	if t.Categorical("optimizer", "sgd", "adam") == "sgd" {
		v += 0.3
	}
	return v, nil
}

// write searches and writes the parameters of the best trial.
func write(ctx context.Context, path string) error {
	s, err := study.Open(ctx, study.Config{})
	if err != nil {
		return err
	}
	if err := s.Optimize(ctx, loss, study.Budget{Trials: 40}); err != nil {
		return err
	}
	best, err := s.Best(ctx)
	if err != nil {
		return err
	}
	// s.Export(best) as a whole also has the value, the attributes and the times.
	text, err := json.MarshalIndent(s.Export(best).Params, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// read is the whole of the other program.
func read(path string) (settings Settings, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return settings, err
	}
	fmt.Printf("%s:\n%s", path, text)
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields() // a parameter that Settings does not know is a mistake
	return settings, d.Decode(&settings)
}

func main() {
	path := flag.String("output", "best.json", "the file to write")
	flag.Parse()
	if err := write(context.Background(), *path); err != nil {
		log.Fatal(err)
	}
	settings, err := read(*path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("as a struct:\n%+v\n", settings)
}
