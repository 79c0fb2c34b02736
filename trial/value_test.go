package trial_test

import (
	"math"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

type optimizer string

func TestValueHasTheTypeThatIsAskedFor(t *testing.T) {
	tr := &trial.Trial{Number: 3, Params: []trial.Param{
		{Name: "lr", Value: 0.1, Dist: space.Float{High: 1}},
		{Name: "layers", Value: 300, Dist: space.Int{Low: -1, High: 400}},
		{Name: "below", Value: -1, Dist: space.Int{Low: -1, High: 400}},
		{Name: "far", Value: 1e300, Dist: space.Float{High: math.MaxFloat64}},
		{Name: "opt", Value: 1, Dist: space.Categorical{Choices: []any{"sgd", "adam", true, nil}}},
		{Name: "flag", Value: 2, Dist: space.Categorical{Choices: []any{"sgd", "adam", true, nil}}},
		{Name: "none", Value: 3, Dist: space.Categorical{Choices: []any{"sgd", "adam", true, nil}}},
	}}
	equal(t, tr, "lr", 0.1)
	equal(t, tr, "lr", float32(0.1))
	equal(t, tr, "layers", 300)
	equal(t, tr, "layers", int64(300))
	equal(t, tr, "layers", uint16(300))
	equal(t, tr, "layers", 300.0)
	equal(t, tr, "opt", "adam")
	equal(t, tr, "opt", optimizer("adam"))
	equal(t, tr, "flag", true)
	if v, err := trial.Value[any](tr, "opt"); v != "adam" || err != nil {
		t.Errorf("any: got %v and %v, want adam", v, err)
	}

	refused[float64](t, tr, "momentum", `trial 3 has no parameter "momentum"`)
	refused[int](t, tr, "lr", `parameter "lr" of trial 3 is 0.1, type float64, want int`)
	refused[int8](t, tr, "layers", ", want int8")
	refused[uint](t, tr, "below", ", want uint")
	refused[float32](t, tr, "far", ", want float32")
	refused[string](t, tr, "flag", ", want string")
	refused[bool](t, tr, "opt", ", want bool")
	refused[string](t, tr, "layers", ", want string")
	refused[string](t, tr, "none", ", want string")
}

func equal[T comparable](t *testing.T, tr *trial.Trial, name string, want T) {
	t.Helper()
	if got, err := trial.Value[T](tr, name); got != want || err != nil {
		t.Errorf("%s as a %T: got %v and %v, want %v", name, want, got, err, want)
	}
}

func refused[T any](t *testing.T, tr *trial.Trial, name, want string) {
	t.Helper()
	if got, err := trial.Value[T](tr, name); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s as a %T: got %v and %v, want an error with %q", name, got, got, err, want)
	}
}
