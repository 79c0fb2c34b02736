package picture

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// Intermediate draws the reports of the trials over their steps. Pruned trials are paler.
func Intermediate(p plot.IntermediatePlot) Figure {
	return Figure{build: func(st style) page {
		var values []plot.Float
		first, last := 0, 0
		for i, c := range p.Curves {
			if len(c.Steps) == 0 {
				continue
			}
			if low, high := c.Steps[0], c.Steps[len(c.Steps)-1]; i == 0 {
				first, last = low, high
			} else {
				first, last = min(first, low), max(last, high)
			}
			values = append(values, c.Values...)
		}
		if len(values) == 0 {
			return page{empty: "There is nothing to draw yet: no trial has reported a value."}
		}
		x, y := newScale(intAxis(cmp.Or(p.Step, "step"), first, last)), valueScale(p.Value, values...)
		width := st.line
		if len(p.Curves) > 50 {
			width *= 0.6
		}
		kinds := []struct {
			state string
			look  draw.LineStyle
		}{
			{"failed", draw.LineStyle{Color: orange, Width: width * 0.6, Dashes: dashes}},
			{"pruned", draw.LineStyle{Color: pale, Width: width * 0.6}},
			{"complete", draw.LineStyle{Color: blue, Width: width * 0.7}},
			{"running", draw.LineStyle{Color: green, Width: st.line, Dashes: dots}},
		}
		curves := map[string][][]spot{}
		var top *plot.Curve
		for i, c := range p.Curves {
			if len(c.Steps) == 0 {
				continue
			}
			state := shown(c.State)
			curves[state] = append(curves[state], curveOf(c, x, y))
			if state == "complete" && c.Feasible && (top == nil || better(end(c), end(*top), p.Maximize)) {
				top = &p.Curves[i]
			}
		}
		panel := st.plot()
		st.axes(panel, x, y, 1, 1)
		pg := page{columns: 1, panels: []*gonum.Plot{panel}}
		for _, k := range kinds {
			if n := len(curves[k.state]); n > 0 {
				panel.Add(lines(st, k.look, curves[k.state]...))
				pg.keys = append(pg.keys, key{name: fmt.Sprintf("%d %s", n, k.state), line: k.look})
			}
		}
		if top != nil {
			look := draw.LineStyle{Color: vermilion, Width: st.line * 1.3}
			panel.Add(lines(st, look, curveOf(*top, x, y)))
			pg.keys = append(pg.keys, key{name: fmt.Sprintf("trial %d, best at its end (%s)", top.Trial, direction(p.Maximize)),
				line: look})
		}
		slices.Reverse(pg.keys) // the most important one first
		return pg
	}}
}

// The dashes of lines.
var (
	dashes = []vg.Length{5, 3}
	dots   = []vg.Length{2, 2}
)

func curveOf(c plot.Curve, x, y scale) (spots []spot) {
	for i, step := range c.Steps[:min(len(c.Steps), len(c.Values))] {
		spots = append(spots, spot{x.at(plot.Float(step)), y.at(c.Values[i])})
	}
	return spots
}

// end returns the last report.
func end(c plot.Curve) float64 { return float64(c.Values[len(c.Values)-1]) }

// better reports whether a is better than b. Missing numbers are worst.
func better(a, b float64, maximize bool) bool {
	if !finite(a) || !finite(b) {
		return finite(a)
	}
	if maximize {
		return a > b
	}
	return a < b
}

// shown returns the word for a state, which comes as the records of studies have it.
func shown(state string) string {
	if state == "FAIL" {
		return "failed"
	}
	return strings.ToLower(state)
}
