package plot_test

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
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

func TestTimelineIsOptunas(t *testing.T) {
	eachFigure(t, "timeline", 6, func(t *testing.T, s optunaStudy, _ int, _ []string, traces []trace) {
		now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
		bars := map[string][]plot.Bar{}
		n := 0
		for _, b := range plot.Timeline(s.history, now).Bars {
			name := b.State
			if name == "COMPLETE" && !b.Feasible {
				name = "INFEASIBLE"
			}
			bars[name] = append(bars[name], b)
			n++
		}
		for _, tr := range traces {
			name := tr["name"].(string)
			if name == "WAITING" {
				continue
			}
			if len(bars[name]) != len(tr.list("y")) {
				t.Fatalf("%d bars are %s, want %d", len(bars[name]), name, len(tr.list("y")))
			}
			for i, b := range bars[name] {
				n--
				start, err := time.ParseInLocation("2006-01-02T15:04:05", tr.list("base")[i].(string), time.Local)
				if err != nil {
					t.Fatal(err)
				}
				if float64(b.Trial) != tr.numbers("y")[i] || !b.Start.Equal(start) {
					t.Errorf("%s: trial %d starts at %v, want trial %v at %v", name, b.Trial, b.Start, tr.list("y")[i], start)
				}
				took := float64(b.End.Sub(b.Start).Microseconds()) / 1000
				if name == "RUNNING" { // Optuna ends it at its own clock
					if !b.End.Equal(now) {
						t.Errorf("trial %d ends at %v, want now", b.Trial, b.End)
					}
				} else if math.Abs(took-tr.numbers("x")[i]) > 0.001 {
					t.Errorf("trial %d took %v ms, want %v", b.Trial, took, tr.numbers("x")[i])
				}
			}
		}
		if n != 0 {
			t.Errorf("%d bars too many", n)
		}
	})
}

func TestRankIsOptunas(t *testing.T) {
	eachFigure(t, "rank", 30, func(t *testing.T, s optunaStudy, objective int, args []string, traces []trace) {
		p, err := plot.Rank(s.history, plot.Config{Objective: objective, Params: args})
		if err != nil {
			t.Fatal(err)
		}
		complete := slices.DeleteFunc(slices.Clone(s.all), func(u *trial.Trial) bool { return u.State != trial.Complete })
		ranks := s.figures[fmt.Sprint("ranks/", objective)][0].numbers("y")
		var xs, ys, numbers []string
		var got, want []float64
		for _, q := range p.Points {
			xs, ys = append(xs, textOf(p.X, q.X)), append(ys, textOf(p.Y, q.Y))
			numbers = append(numbers, fmt.Sprint("Trial #", q.Trial))
			got = append(got, float64(q.Rank))
			want = append(want, ranks[slices.IndexFunc(complete, func(u *trial.Trial) bool { return u.Number == q.Trial })])
		}
		same(t, "ranks", got, want)
		tr := traces[0]
		var wantNumbers []string
		for i, text := range tr.texts("hovertext") {
			first, _, _ := strings.Cut(text, "<br>")
			wantNumbers = append(wantNumbers, first)
			gray := tr["marker"].(map[string]any)["color"].([]any)[i] == "rgb(204.0, 204.0, 204.0)"
			if p.Points[i].Feasible == gray {
				t.Errorf("%s is feasible: %t", first, p.Points[i].Feasible)
			}
		}
		if !slices.Equal(xs, floats(tr.texts("x"))) || !slices.Equal(ys, floats(tr.texts("y"))) || !slices.Equal(numbers, wantNumbers) {
			t.Errorf("got %v %v of %v, want %v %v of %v", xs, ys, numbers, tr.texts("x"), tr.texts("y"), wantNumbers)
		}
	})
}

// textOf returns what a coordinate means as Python's str writes it; an int has no point.
func textOf(a plot.Axis, x plot.Float) string {
	if a.Choices == nil {
		return floats([]string{pyjson.Float(float64(x))})[0]
	}
	return floats([]string{pythonOfLabel(a.Choices[int(x)])})[0]
}

func pythonOfLabel(label string) string {
	switch label {
	case "null":
		return "None"
	case "true", "false":
		return strings.ToUpper(label[:1]) + label[1:]
	}
	return label
}

// floats removes the .0 of whole numbers.
func floats(texts []string) []string {
	list := slices.Clone(texts)
	for i, s := range list {
		list[i] = strings.TrimSuffix(s, ".0")
	}
	return list
}

func TestContourIsOptunas(t *testing.T) {
	eachFigure(t, "contour", 30, func(t *testing.T, s optunaStudy, objective int, args []string, traces []trace) {
		p, err := plot.Contour(s.history, plot.Config{Objective: objective, Params: args})
		if err != nil {
			t.Fatal(err)
		}
		if len(traces[0].list("z")) == 0 { // fewer than two values of a parameter
			return
		}
		// The trials.
		var xs, ys [2][]string // feasible and infeasible
		for _, q := range p.Points {
			i := 1
			if q.Feasible {
				i = 0
			}
			xs[i], ys[i] = append(xs[i], textOf(p.X, q.X)), append(ys[i], textOf(p.Y, q.Y))
		}
		for i := range xs {
			tr := traces[1+i]
			if !slices.Equal(xs[i], floats(tr.texts("x"))) || !slices.Equal(ys[i], floats(tr.texts("y"))) {
				t.Errorf("got %v %v, want %v %v", xs[i], ys[i], tr.texts("x"), tr.texts("y"))
			}
		}
		// Optuna's cells hold the best value at a place, or the last one if there are several objectives.
		cells := map[[2]string]float64{}
		for _, q := range p.Points {
			key := [2]string{textOf(p.X, q.X), textOf(p.Y, q.Y)}
			old, ok := cells[key]
			if v := float64(q.Value); !ok || len(s.history.Directions()) > 1 || s.history.Directions()[0].Better(v, old) {
				cells[key] = v
			}
		}
		gx, gy, seen := floats(traces[0].texts("x")), floats(traces[0].texts("y")), 0
		for j, row := range traces[0].list("z") {
			for i, z := range toNumbers(row.([]any)) {
				if math.IsNaN(z) {
					continue
				}
				if seen++; cells[[2]string{gx[i], gy[j]}] != z {
					t.Errorf("at %s, %s the value is %v, want %v", gx[i], gy[j], cells[[2]string{gx[i], gy[j]}], z)
				}
			}
		}
		if seen != len(cells) {
			t.Errorf("%d cells, want %d", len(cells), seen)
		}
	})
}

func TestParallelIsOptunas(t *testing.T) {
	eachFigure(t, "parallel", 9, func(t *testing.T, s optunaStudy, objective int, _ []string, traces []trace) {
		p, err := plot.Parallel(s.history, plot.Config{Objective: objective})
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		constrained := slices.ContainsFunc(s.all, func(u *trial.Trial) bool { return u.State == trial.Complete && len(u.Constraints) > 0 })
		for _, tr := range traces {
			if tr["mode"] == "lines" && len(tr.list("customdata")) > 0 {
				want = append(want, fmt.Sprintf("%.9f %v", tr.numbers("y"), tr["line"].(map[string]any)["dash"]))
			}
		}
		// Optuna draws everything from 0 to 1: each parameter between the lowest and the highest value of the lines.
		columns := make([][]float64, 1+len(p.Params))
		for _, l := range p.Lines {
			columns[0] = append(columns[0], float64(l.Value))
			for k, a := range p.Params {
				x := float64(l.X[k])
				if a.Log {
					x = math.Log10(x)
				}
				columns[1+k] = append(columns[1+k], x)
			}
		}
		for k := range columns {
			var choices []string
			if k > 0 {
				choices = p.Params[k-1].Choices
			}
			columns[k] = drawn(columns[k], choices)
		}
		for i, l := range p.Lines {
			row := make([]float64, len(columns))
			for k := range columns {
				row[k] = columns[k][i]
			}
			// Optuna takes a trial without constraints for infeasible here, if others have some.
			u := s.all[slices.IndexFunc(s.all, func(u *trial.Trial) bool { return u.Number == l.Trial })]
			dash := "solid"
			if constrained && (!l.Feasible || len(u.Constraints) == 0) {
				dash = "dot"
			}
			got = append(got, fmt.Sprintf("%.9f %v", row, dash))
		}
		slices.Sort(got) // numeric choices change Optuna's order
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got %d lines, %v, want %d, %v", len(got), got, len(want), want)
		}
	})
}

// drawn returns where Optuna draws values between 0 and 1: a trial without the parameter below the
// lowest, and choices in the order in which they appear, unless they are numbers.
func drawn(x []float64, choices []string) []float64 {
	missing := slices.ContainsFunc(x, math.IsNaN)
	x = slices.Clone(x)
	if choices != nil {
		_, err := strconv.ParseFloat(choices[0], 64)
		var order []float64
		for _, v := range x {
			if !math.IsNaN(v) && !slices.Contains(order, v) {
				order = append(order, v)
			}
		}
		if err == nil {
			slices.Sort(order)
		}
		for i, v := range x {
			x[i] = float64(slices.Index(order, v)) // -1 if missing
		}
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range x {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	if missing && choices == nil {
		gap := (high - low) * 0.12 / 0.88
		if low == high {
			gap = 1
		}
		low -= gap
	}
	for i, v := range x {
		switch {
		case low == high:
			x[i] = 0.5
		case math.IsNaN(v):
			x[i] = 0
		default:
			x[i] = (v - low) / (high - low)
		}
	}
	return x
}
