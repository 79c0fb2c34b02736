package picture

import (
	"gonum.org/v1/plot/vg/draw"

	gonum "gonum.org/v1/plot"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// History draws the values in the order of the trials, with the best so far as a line of steps.
func History(p plot.HistoryPlot) Figure {
	return Figure{build: func(st style) page {
		if len(p.Points) == 0 {
			return nothing(p.Skipped)
		}
		var values []plot.Float
		for _, pt := range p.Points {
			values = append(values, pt.Value)
		}
		x := newScale(intAxis("trial", p.Points[0].Trial, p.Points[len(p.Points)-1].Trial))
		y := valueScale(p.Value, values...)
		var good, bad, top []spot
		for _, pt := range p.Points {
			s := spot{x.at(plot.Float(pt.Trial)), y.at(pt.Value)}
			if pt.Feasible {
				good = append(good, s)
			} else {
				bad = append(bad, s)
			}
			top = append(top, spot{s.x, y.at(pt.Best)})
		}
		line := draw.LineStyle{Color: vermilion, Width: st.line}
		m := point.in(sky)
		panel := st.plot()
		st.axes(panel, x, y, 1, 1)
		panel.Add(points(st, infeasible, bad, len(p.Points)), points(st, m, good, len(p.Points)), lines(st, line, steps(top)))
		keys := []key{{name: "trial", mark: &m}, {name: "best so far (" + direction(p.Maximize) + ")", line: line}}
		if len(bad) > 0 {
			keys = append(keys, key{name: "infeasible", mark: &infeasible})
		}
		return page{keys: keys, panels: []*gonum.Plot{panel}, columns: 1, notes: skipped(p.Skipped)}
	}}
}
