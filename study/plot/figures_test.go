package plot_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

func TestHistoryIsOptunas(t *testing.T) {
	eachFigure(t, "history", 9, func(t *testing.T, s optunaStudy, objective int, _ []string, traces []trace) {
		p, err := plot.History(s.history, plot.Config{Objective: objective})
		if err != nil {
			t.Fatal(err)
		}
		var x, y, ix, iy, bx, best []float64
		for _, q := range p.Points {
			if q.Feasible {
				x, y = append(x, float64(q.Trial)), append(y, float64(q.Value))
			} else {
				ix, iy = append(ix, float64(q.Trial)), append(iy, float64(q.Value))
			}
			bx, best = append(bx, float64(q.Trial)), append(best, float64(q.Best))
		}
		skipped := 0
		for _, tr := range traces {
			tx, ty := tr.numbers("x"), tr.numbers("y")
			switch {
			case tr["name"] == "Best Value": // it has all trials, and ±Inf where there is none yet
				var atPoints []float64
				for _, number := range bx {
					v := ty[slices.Index(tx, number)]
					if worst := math.Inf(1); p.Maximize && v == -worst || !p.Maximize && v == worst {
						v = math.NaN()
					}
					atPoints = append(atPoints, v)
				}
				same(t, "best", best, atPoints)
			default: // ±Inf is not drawn
				var keepX, keepY []float64
				for i, v := range ty {
					if math.IsInf(v, 0) {
						skipped++
						continue
					}
					keepX, keepY = append(keepX, tx[i]), append(keepY, v)
				}
				if tr["name"] == "Infeasible Trial" {
					same(t, "infeasible numbers", ix, keepX)
					same(t, "infeasible values", iy, keepY)
				} else {
					same(t, "numbers", x, keepX)
					same(t, "values", y, keepY)
				}
			}
		}
		if p.Skipped != skipped || len(traces) == 0 && len(p.Points) > 0 {
			t.Errorf("%d are skipped, want %d", p.Skipped, skipped)
		}
	})
}

func TestSliceIsOptunas(t *testing.T) {
	eachFigure(t, "slice", 40, func(t *testing.T, s optunaStudy, objective int, args []string, traces []trace) {
		p, err := plot.Slice(s.history, plot.Config{Objective: objective, Params: args})
		if err != nil {
			t.Fatal(err)
		}
		axis := p.Params[0].Param
		var got [2][][3]any // feasible or not: x, value, number
		for _, q := range p.Params[0].Points {
			var x any = float64(q.X)
			if axis.Choices != nil {
				x = axis.Choices[int(q.X)]
			}
			if q.Feasible {
				got[0] = append(got[0], [3]any{x, float64(q.Value), q.Trial})
			} else {
				got[1] = append(got[1], [3]any{x, float64(q.Value), 0})
			}
		}
		var want [2][][3]any
		for i, tr := range traces {
			xs, ys := tr.list("x"), tr.numbers("y")
			for j := range xs {
				x, number := xs[j], 0
				switch v := x.(type) {
				case string:
					x = labelOfRepr(v)
				case int:
					x = float64(v)
				}
				if i == 0 {
					number = tr["marker"].(map[string]any)["color"].([]any)[j].(int)
				}
				want[i] = append(want[i], [3]any{x, ys[j], number})
			}
		}
		for i := range want {
			if i == 1 && axis.Choices != nil && len(want[i]) == 0 {
				continue // Optuna 5.0.0 forgets infeasible trials here: it zips them with an empty list
			}
			// Optuna sorts by choice, we by number.
			if axis.Choices != nil {
				slices.SortStableFunc(got[i], func(a, b [3]any) int { return strings.Compare(a[0].(string), b[0].(string)) })
				slices.SortStableFunc(want[i], func(a, b [3]any) int { return strings.Compare(a[0].(string), b[0].(string)) })
			}
			if !slices.Equal(got[i], want[i]) {
				t.Errorf("got %v, want %v", got[i], want[i])
			}
		}
	})
}

// labelOfRepr turns a choice as Python's repr writes it into our label.
func labelOfRepr(s string) string {
	switch s {
	case "None":
		return "null"
	case "True", "False":
		return strings.ToLower(s)
	}
	return strings.Trim(s, "'")
}

func TestIntermediateIsOptunas(t *testing.T) {
	eachFigure(t, "intermediate", 4, func(t *testing.T, s optunaStudy, _ int, _ []string, traces []trace) {
		p, err := plot.Intermediate(s.history, plot.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Curves) != len(traces) {
			t.Fatalf("%d curves, want %d", len(p.Curves), len(traces))
		}
		for i, tr := range traces {
			c := p.Curves[i]
			var steps, values []float64
			for j := range c.Steps {
				steps, values = append(steps, float64(c.Steps[j])), append(values, float64(c.Values[j]))
			}
			same(t, "steps", steps, tr.numbers("x"))
			same(t, "values", values, tr.numbers("y"))
			if tr["name"] != fmt.Sprint("Trial", c.Trial) {
				t.Errorf("curve %d is of trial %d, want %s", i, c.Trial, tr["name"])
			}
			if gray := tr["marker"].(map[string]any)["color"] != nil; gray == c.Feasible {
				t.Errorf("trial %d is feasible: %t", c.Trial, c.Feasible)
			}
		}
	})
}
