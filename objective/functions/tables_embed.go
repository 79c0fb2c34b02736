package functions

import (
	"bytes"
	"embed"
)

// The table was measured by this project, one row per training. mlp_digits: 4,608 networks trained
// from scratch on 300 images of scikit-learn's digits (UCI, "Optical Recognition of Handwritten
// Digits", CC BY 4.0), 25 epochs, validation log-loss.
//
//go:embed tables/mlp_digits.csv.gz tables/mlp_digits.json
var tables embed.FS

// tableNames are the problems whose tables are embedded.
var tableNames = []string{"mlp_digits"}

// embedded returns the problem of one of tableNames.
func embedded(name string) (Problem, error) {
	meta, err := tables.ReadFile("tables/" + name + ".json")
	if err != nil {
		return Problem{}, err
	}
	rows, err := tables.ReadFile("tables/" + name + ".csv.gz")
	if err != nil {
		return Problem{}, err
	}
	return Table(name, bytes.NewReader(rows), bytes.NewReader(meta))
}
