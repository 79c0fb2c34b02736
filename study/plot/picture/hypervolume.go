package picture

import (
	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg/draw"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// Hypervolume draws how much of the space of objectives the trials so far dominate.
func Hypervolume(p plot.HypervolumePlot) Figure {
	return Figure{build: func(st style) page {
		if len(p.Points) == 0 {
			return nothing(0)
		}
		var values []plot.Float
		for _, pt := range p.Points {
			values = append(values, pt.Volume)
		}
		x := newScale(intAxis("trial", p.Points[0].Trial, p.Points[len(p.Points)-1].Trial))
		y := newScale(plot.Axis{Name: "hypervolume", Low: 0, High: values[0]}, values...)
		var spots []spot
		for _, pt := range p.Points {
			spots = append(spots, spot{x.at(plot.Float(pt.Trial)), y.at(pt.Volume)})
		}
		panel := st.plot()
		st.axes(panel, x, y, 1, 1)
		panel.Add(lines(st, draw.LineStyle{Color: blue, Width: st.line}, steps(spots)))
		return page{columns: 1, panels: []*gonum.Plot{panel}}
	}}
}
