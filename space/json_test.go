package space_test

import (
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
)

// A misspelled key is an error that names it, in every form of a distribution.
func TestUnmarshalRefusesUnknownKeys(t *testing.T) {
	for text, want := range map[string]string{
		`{"type": "float", "low": 0, "high": 1, "lgo": true}`:                                        `unknown key "lgo", want one of type, low, high, step, log`,
		`{"type": "float", "lo": 0, "high": 1}`:                                                      `unknown key "lo", want one of`,
		`{"type": "int", "low": 0, "high": 1, "q": 1}`:                                               `unknown key "q"`,
		`{"type": "categorical", "choices": [1], "log": true}`:                                       `unknown key "log", want one of type, choices`,
		`{"name": "FloatDistribution", "attributes": {"low": 0.0, "high": 1.0, "lgo": true}}`:        `unknown key "lgo"`,
		`{"name": "FloatDistribution", "attributes": {"low": 0.0, "high": 1.0}, "log": true}`:        `unknown key "log", want one of name, attributes`,
		`{"name": "UniformDistribution", "attributes": {"low": 0.0, "high": 1.0, "step": 1.0}}`:      `unknown key "step"`,
		`{"name": "CategoricalDistribution", "attributes": {"choice": [1, 2]}}`:                      `unknown key "choice"`,
		`{"name": "IntLogUniformDistribution", "attributes": {"low": 1, "high": 8, "step": 1}}`:      "",
		`{"name": "IntUniformDistribution", "attributes": {"low": 1, "high": 8, "step": 1}}`:         "",
		`{"name": "DiscreteUniformDistribution", "attributes": {"low": 0.0, "high": 1.0, "q": 0.5}}`: "",
	} {
		_, err := space.Unmarshal([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
