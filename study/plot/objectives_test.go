package plot_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

var two = []trial.Direction{trial.Minimize, trial.Maximize}

func point(number int, values ...float64) *trial.Trial {
	return &trial.Trial{Number: number, State: trial.Complete, Values: values}
}

func broken(t *trial.Trial) *trial.Trial {
	t.Constraints = map[string]float64{"c": 1}
	return t
}

func TestParetoMarksTheFront(t *testing.T) {
	h := historyOf(two, point(3, 1, 5), point(0, 2, 5), broken(point(1, 0, 9)), point(2, 3, 7), point(4, math.Inf(1), 6))
	got, err := plot.Pareto(h, plot.Config{Names: []string{"loss", "speed"}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"axes":[{"name":"loss","low":0,"high":3},{"name":"speed","low":5,"high":9}],"maximize":[false,true],"points":[` +
		`{"trial":0,"values":[2,5],"front":false,"feasible":true},{"trial":1,"values":[0,9],"front":false,"feasible":false},` +
		`{"trial":2,"values":[3,7],"front":true,"feasible":true},{"trial":3,"values":[1,5],"front":true,"feasible":true}],"skipped":1}`
	if text, err := json.Marshal(got); err != nil || string(text) != want {
		t.Errorf("%s, want %s (%v)", text, want, err)
	}
}

func volumes(t *testing.T, h trial.History, reference ...float64) (list []float64) {
	t.Helper()
	p, err := plot.Hypervolume(h, reference)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range p.Points {
		list = append(list, float64(p.Volume))
	}
	return list
}

func TestHypervolumeIsThatOfTheTrialsSoFar(t *testing.T) {
	h := historyOf(two, point(0, 2, 5), point(2, 3, 7), point(3, 1, 5), point(4, 9, 9), broken(point(1, 0, 9)))
	if got, want := volumes(t, h, 4, 4), []float64{2, 2, 4, 5, 5}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	p, err := plot.Hypervolume(h, nil)
	if want := []plot.Float{9.9, 4.5}; err != nil || !slices.Equal(p.Reference, want) {
		t.Errorf("the reference is %v, want %v (%v)", p.Reference, want, err)
	}
	// Trials that no number can measure do not spoil the others.
	h = historyOf(two, point(0, 2, 5), point(1, math.NaN(), 9), point(2, math.Inf(1), 9), point(3, 1, 6))
	if got, want := volumes(t, h, 4, 4), []float64{2, 2, 2, 6}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	h = historyOf(two, point(0, -1e308, 1e308), point(1, math.Inf(-1), 0), point(2, -1e308, math.Inf(1)))
	for _, v := range volumes(t, h) {
		if !math.IsInf(v, 1) {
			t.Errorf("the volume is %v, want +Inf", v)
		}
	}
}

func TestPlotsOfObjectivesRefuse(t *testing.T) {
	one, h := historyOf(minimize, complete(0, 1)), historyOf(two, point(0, 1, 1))
	for want, draw := range map[string]func() error{
		"the study has 1 objective, want several":      func() error { _, err := plot.Pareto(one, plot.Config{}); return err },
		"the study has 1 objective, want several, too": func() error { _, err := plot.Hypervolume(one, nil); return err },
		"reference has 1 values, want 2":               func() error { _, err := plot.Hypervolume(h, []float64{1}); return err },
		"reference is [1 NaN], want finite values":     func() error { _, err := plot.Hypervolume(h, []float64{1, math.NaN()}); return err },
		`study "b": objective is 1, want 0 to 0`: func() error {
			_, err := plot.EDF(plot.Config{Objective: 1}, plot.Study{Name: "a", History: h}, plot.Study{Name: "b", History: one})
			return err
		},
	} {
		if err := draw(); err == nil || err.Error() != strings.TrimSuffix(want, ", too") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestEDFOfStudies(t *testing.T) {
	a := historyOf(minimize, complete(0, 0), complete(1, 99), complete(2, math.Inf(1)))
	b := historyOf(minimize, complete(0, 49.5))
	none := historyOf(minimize, complete(0, math.NaN()))
	got, err := plot.EDF(plot.Config{}, plot.Study{Name: "a", History: a}, plot.Study{Name: "b", History: b}, plot.Study{Name: "none", History: none})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.X) != 100 || got.X[0] != 0 || got.X[99] != 99 || len(got.Curves) != 3 {
		t.Fatalf("got %+v", got)
	}
	for i, x := range got.X {
		want := []plot.Float{0.5, 0}
		if x == 99 {
			want[0] = 1
		}
		if x >= 49.5 {
			want[1] = 1
		}
		if y := []plot.Float{got.Curves[0].Y[i], got.Curves[1].Y[i]}; !slices.Equal(y, want) {
			t.Errorf("at %v: %v, want %v", x, y, want)
		}
		if !math.IsNaN(float64(got.Curves[2].Y[i])) {
			t.Errorf("at %v: the study without values has %v", x, got.Curves[2].Y[i])
		}
	}
	wide := historyOf(minimize, complete(0, -math.MaxFloat64), complete(1, math.MaxFloat64))
	if got, err = plot.EDF(plot.Config{}, plot.Study{History: wide}); err != nil || math.IsInf(float64(got.X[50]), 0) {
		t.Errorf("of the widest range: %v, %v", got.X, err)
	}
}
