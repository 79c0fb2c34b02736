package picture

import (
	"github.com/bluefin-hpo/bluefin/study/plot"
)

// Pareto draws the trials over two objectives, or over each pair of three. The front stands out.
func Pareto(p plot.ParetoPlot) Figure {
	return Figure{build: func(st style) page {
		if len(p.Points) == 0 {
			return nothing(p.Skipped)
		}
		var scales []scale
		for i, a := range p.Axes {
			var values []plot.Float
			for _, pt := range p.Points {
				values = append(values, pt.Values[i])
			}
			s := valueScale(a, values...)
			s.label += " (" + direction(p.Maximize[i]) + ")"
			scales = append(scales, s)
		}
		var pairs [][2]int
		for i := range scales {
			for k := i + 1; k < len(scales); k++ {
				pairs = append(pairs, [2]int{i, k})
			}
		}
		pg := page{notes: skipped(p.Skipped)}
		pg.columns = len(pairs)
		if len(pairs) > 1 {
			pg.columns, _ = st.shape(len(pairs))
		}
		rows := (len(pairs) + pg.columns - 1) / max(pg.columns, 1)
		m, front, anyBad := point.in(pale), point.in(vermilion), false
		front.letter, front.size = best.letter, 1.5
		if st.cells {
			m.color = gray
		}
		for _, pair := range pairs {
			x, y := scales[pair[0]], scales[pair[1]]
			var others, bad, good []spot
			for _, pt := range p.Points {
				s := spot{x.at(pt.Values[pair[0]]), y.at(pt.Values[pair[1]])}
				switch {
				case pt.Front:
					good = append(good, s)
				case pt.Feasible:
					others = append(others, s)
				default:
					bad = append(bad, s)
				}
			}
			anyBad = anyBad || len(bad) > 0
			panel := st.plot()
			st.axes(panel, x, y, pg.columns, rows)
			panel.Add(points(st, infeasible, bad, len(p.Points)), points(st, m, others, len(p.Points)),
				points(st, front, good, len(good)))
			pg.panels = append(pg.panels, panel)
		}
		pg.keys = []key{{name: "front: no trial is better in all", mark: &front}, {name: "other trials", mark: &m}}
		if anyBad {
			pg.keys = append(pg.keys, key{name: "infeasible", mark: &infeasible})
		}
		return pg
	}}
}
