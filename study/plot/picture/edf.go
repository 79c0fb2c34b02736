package picture

import (
	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// EDF draws which share of the trials reached each value, with a curve for each study.
func EDF(p plot.EDFPlot) Figure {
	return Figure{build: func(st style) page {
		if len(p.X) == 0 || len(p.Curves) == 0 {
			return nothing(0)
		}
		x := newScale(p.Value, p.X...)
		y := newScale(plot.Axis{Name: "share of trials at or below", Low: 0, High: 1})
		panel := st.plot()
		st.axes(panel, x, y, 1, 1)
		pg := page{columns: 1, panels: []*gonum.Plot{panel}}
		for i, c := range p.Curves {
			var spots []spot
			for k, share := range c.Y[:min(len(c.Y), len(p.X))] {
				spots = append(spots, spot{x.at(p.X[k]), y.at(share)})
			}
			look := draw.LineStyle{Color: lineColors[i%len(lineColors)], Width: st.line}
			if i >= len(lineColors) {
				look.Dashes = dashes
			}
			panel.Add(lines(st, look, steps(spots)))
			pg.keys = append(pg.keys, key{name: name(c.Study), line: look})
		}
		return pg
	}}
}
