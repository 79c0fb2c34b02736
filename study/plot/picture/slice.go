package picture

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// mostPanels is how many parameters one picture shows.
const mostPanels = 24

// Slice draws the values over each parameter. Later trials are darker.
func Slice(p plot.SlicePlot) Figure {
	return Figure{build: func(st style) page {
		params := p.Params
		pg := nothing(p.Skipped)
		pg.notes = skipped(p.Skipped)
		if len(params) > mostPanels {
			pg.notes = append(pg.notes, fmt.Sprintf("The first %d of %d parameters.", mostPanels, len(params)))
			params = params[:mostPanels]
		}
		if len(params) == 0 {
			return pg
		}
		columns, rows := st.shape(len(params))
		var values []plot.Float
		last := 0
		for _, param := range params {
			for _, pt := range param.Points {
				values = append(values, pt.Value)
				last = max(last, pt.Trial)
				pg.empty = ""
			}
		}
		y := valueScale(p.Value, values...)
		anyBad := false
		for i, param := range params {
			panel := st.plot()
			var xs []plot.Float
			for _, pt := range param.Points {
				xs = append(xs, pt.X)
			}
			x := newScale(param.Param, xs...)
			if st.cells && i > 0 {
				panel.Title.Text = " " // the name of the values, once
			}
			st.axes(panel, x, y, columns, rows)
			if i%columns > 0 {
				panel.Y.Label.Text = ""
			}
			r := st.ramp()
			byAge, bad := make([][]spot, len(r)), []spot(nil)
			top, found := plot.SlicePoint{}, false
			for _, pt := range param.Points {
				s := spot{x.at(pt.X), y.at(pt.Value)}
				if !pt.Feasible {
					bad = append(bad, s)
					continue
				}
				level := r.level(float64(pt.Trial) / float64(last+1))
				byAge[level] = append(byAge[level], s)
				if better := pt.Value < top.Value; !found || better != p.Maximize && pt.Value != top.Value {
					top, found = pt, true
				}
			}
			panel.Add(points(st, infeasible, bad, len(param.Points)))
			for level, spots := range byAge {
				panel.Add(points(st, point.in(r[level]), spots, len(param.Points)))
			}
			if found {
				panel.Add(points(st, best, []spot{{x.at(top.X), y.at(top.Value)}}, 1))
			}
			anyBad = anyBad || len(bad) > 0
			pg.panels = append(pg.panels, panel)
		}
		pg.columns = columns
		pg.keys = []key{{name: "first to last trial", ramp: st.ramp()},
			{name: "best (" + direction(p.Maximize) + ")", mark: &best}}
		if anyBad {
			pg.keys = append(pg.keys, key{name: "infeasible", mark: &infeasible})
		}
		return pg
	}}
}
