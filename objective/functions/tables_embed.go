package functions

import (
	"bytes"
	"embed"
)

// The table is the project's own, of honest trainings: one row, one run.
// mlp_digits: 4,608 networks trained from scratch on 300 images of scikit-learn's
// digits (UCI, "Optical Recognition of Handwritten Digits", CC BY 4.0), 25
// epochs, validation log-loss.
//
//go:embed tables/mlp_digits.csv.gz tables/mlp_digits.json
var tables embed.FS

// tableNames are the problems whose tables come with the package.
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
