package plot_test

import (
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/study/plot"
)

func TestEDFIsOptunas(t *testing.T) {
	eachFigure(t, "edf", 9, func(t *testing.T, s optunaStudy, objective int, names []string, traces []trace) {
		studies := []plot.Study{{Name: "alone", History: s.history}}
		if len(names) > 0 {
			studies = nil
			for _, name := range names {
				studies = append(studies, plot.Study{Name: name, History: optunaStudies(t)[name].history})
			}
		}
		p, err := plot.EDF(plot.Config{Objective: objective}, studies...)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Curves) != len(traces) {
			t.Fatalf("%d curves, want %d", len(p.Curves), len(traces))
		}
		for i, tr := range traces {
			same(t, "values", toFloats(p.X), tr.numbers("x"))
			same(t, "shares", toFloats(p.Curves[i].Y), tr.numbers("y"))
			if len(names) > 0 && p.Curves[i].Study != tr["name"] {
				t.Errorf("curve %d is of %q, want %q", i, p.Curves[i].Study, tr["name"])
			}
		}
	})
}

func TestImportancesAreOptunas(t *testing.T) {
	eachFigure(t, "importances", 8, func(t *testing.T, s optunaStudy, objective int, _ []string, traces []trace) {
		p, err := plot.Importances(s.history, plot.Config{Objective: objective}, importance.PEDANOVA{})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, b := range p.Params {
			got[b.Name] = float64(b.Value)
		}
		if len(traces) != 1 || len(got) != len(traces[0].texts("y")) {
			t.Fatalf("got %v, want %v", got, traces)
		}
		for i, name := range traces[0].texts("y") {
			if want := traces[0].numbers("x")[i]; math.Abs(got[name]-want) > 1e-10 {
				t.Errorf("%s is %v, want %v", name, got[name], want)
			}
		}
	})
}

func TestParetoIsOptunas(t *testing.T) {
	eachFigure(t, "pareto", 2, func(t *testing.T, s optunaStudy, _ int, _ []string, traces []trace) {
		p, err := plot.Pareto(s.history, plot.Config{})
		if err != nil {
			t.Fatal(err)
		}
		const infeasible, dominated, best = "infeasible", "Trial", "Best Trial"
		got, want := map[string][][]float64{}, map[string][][]float64{} // by kind: values, and the number of feasible ones
		for _, q := range p.Points {
			kind, row := dominated, toFloats(q.Values)
			switch {
			case !q.Feasible:
				kind = infeasible
			case q.Front:
				kind = best
			}
			if q.Feasible {
				row = append(row, float64(q.Trial))
			}
			got[kind] = append(got[kind], row)
		}
		skipped := 0
		for _, tr := range traces {
			kind := infeasible
			marker := trace(tr["marker"].(map[string]any))
			if bar, ok := marker["colorbar"].(map[string]any); ok {
				kind = bar["title"].(map[string]any)["text"].(string)
			}
			var columns [][]float64
			for _, axis := range []string{"x", "y", "z"} {
				if tr[axis] != nil {
					columns = append(columns, tr.numbers(axis))
				}
			}
			if kind != infeasible {
				columns = append(columns, marker.numbers("color"))
			}
			for i := range columns[0] {
				var row []float64
				for _, c := range columns {
					row = append(row, c[i])
				}
				if slices.ContainsFunc(row, func(x float64) bool { return math.IsInf(x, 0) }) { // not drawn
					skipped++
					continue
				}
				want[kind] = append(want[kind], row)
			}
		}
		for _, kind := range []string{infeasible, dominated, best} {
			if !slices.EqualFunc(got[kind], want[kind], slices.Equal[[]float64]) {
				t.Errorf("%s:\n%v, want\n%v", kind, got[kind], want[kind])
			}
		}
		if p.Skipped != skipped || len(want[dominated]) == 0 {
			t.Errorf("%d are skipped, want %d; %d are dominated", p.Skipped, skipped, len(want[dominated]))
		}
	})
}

func TestHypervolumeIsOptunas(t *testing.T) {
	largest := 0.0
	eachFigure(t, "hypervolume", 6, func(t *testing.T, s optunaStudy, _ int, args []string, traces []trace) {
		var reference []float64
		for _, text := range args {
			x, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			reference = append(reference, x)
		}
		p, err := plot.Hypervolume(s.history, reference)
		if err != nil {
			t.Fatal(err)
		}
		var x, y []float64
		for _, q := range p.Points {
			x, y = append(x, float64(q.Trial)), append(y, float64(q.Volume))
		}
		want := traces[0].numbers("y")
		for i, v := range want {
			if i > 0 && math.IsInf(want[i-1], 1) && math.IsNaN(v) { // Inf - Inf
				want[i] = math.Inf(1)
			}
			if !math.IsInf(v, 0) {
				largest = max(largest, v)
			}
		}
		same(t, "numbers", x, traces[0].numbers("x"))
		for i := range want {
			if got := y[i]; !(got == want[i] || math.Abs(got-want[i]) <= 1e-9) {
				t.Errorf("trial %v: %v, want %v", x[i], got, want[i])
			}
		}
	})
	if largest < 1 {
		t.Errorf("the largest volume is %v, want one above 1", largest)
	}
}

func toFloats(list []plot.Float) []float64 {
	numbers := make([]float64, len(list))
	for i, x := range list {
		numbers[i] = float64(x)
	}
	return numbers
}
