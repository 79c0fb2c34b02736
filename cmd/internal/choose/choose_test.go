package choose

import (
	"reflect"
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
)

func TestPrunersOfNamesAndSettings(t *testing.T) {
	zero := 0.5
	for _, test := range []struct {
		name     string
		settings map[string]any
		want     pruner.Pruner
	}{
		{"median", nil, pruner.Median{}},
		{"median", map[string]any{"n_startup_trials": 0, "n_warmup_steps": 3}, pruner.Median{StartupTrials: -1, WarmupSteps: 3}},
		{"percentile", map[string]any{"percentile": 10}, pruner.Percentile{Percentile: 10}},
		{"halving", map[string]any{"min_resource": 3, "reduction_factor": 2, "bootstrap_count": nil},
			pruner.SuccessiveHalving{MinResource: 3, ReductionFactor: 2}},
		{"hyperband", map[string]any{"max_resource": 9}, pruner.Hyperband{StudyName: "s", MaxResource: 9}},
		{"patient", nil, pruner.Patient{Patience: 5}},
		{"patient", map[string]any{"patience": 0, "min_delta": 0.1}, pruner.Patient{MinDelta: 0.1}},
		{"threshold", map[string]any{"upper": zero}, pruner.Threshold{Upper: &zero}},
		{"none", nil, nil},
	} {
		if got, err := Pruner(test.name, test.settings, "s"); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s %v: got %#v and %v, want %#v", test.name, test.settings, got, err, test.want)
		}
	}
}

func TestMistakesNameTheSettingAndWhatIsAllowed(t *testing.T) {
	for _, test := range []struct {
		name     string
		settings map[string]any
		want     string
	}{
		{"best", nil, "pruner is \"best\", want one of median, percentile, halving, hyperband, patient, threshold, dominance, none"},
		{"median", map[string]any{"interval_steps": 0}, "interval_steps is 0, want a whole number of at least 1"},
		{"median", map[string]any{"interval_steps": 1.5}, "interval_steps is 1.5, want a whole number of at least 1"},
		{"percentile", map[string]any{"percentile": -1.5}, "percentile is -1.5, want a number from 0 to 100"},
		{"patient", map[string]any{"min_delta": "x"}, `min_delta is "x", want a number of at least 0`},
		{"halving", map[string]any{"reduction_factor": 1}, "reduction_factor is 1, want a whole number of at least 2"},
		{"none", map[string]any{"x": 1}, `none has no setting "x", and no others`},
		{"halving", map[string]any{"x": 1}, `halving has no setting "x", want one of bootstrap_count, metric, min_early_stopping_rate, ` +
			`min_resource, reduction_factor`},
	} {
		if got, err := Pruner(test.name, test.settings, "s"); err == nil || err.Error() != test.want {
			t.Errorf("%s %v: got %v and error %v, want %s", test.name, test.settings, got, err, test.want)
		}
	}
	for text, want := range map[string]string{
		"median:3": `pruner is "median:3", want no number after median`, "patient:": `pruner is "patient:", want a number after patient:`,
		"best:1": `pruner is "best:1", want one of median, percentile, halving, hyperband, patient, threshold, dominance, none`,
	} {
		if _, _, err := PrunerText(text); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
	if _, _, err := Sampler("tpe", map[string]any{"seed": -1}, 0, 0); err == nil || err.Error() != "seed is -1, want a whole number of at least 0" {
		t.Errorf("got %v", err)
	}
}
