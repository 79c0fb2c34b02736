package picture

import (
	gonum "gonum.org/v1/plot"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// Rank draws the trials over two parameters, in colors by how they rank.
func Rank(p plot.RankPlot) Figure {
	return Figure{build: func(st style) page {
		if len(p.Points) == 0 {
			return nothing(p.Skipped)
		}
		panel, x, y := st.pairPanel(p.X, p.Y, p.Points)
		r := st.judgement()
		byRank := make([][]spot, len(r))
		for _, pt := range p.Points {
			if !pt.Feasible {
				continue
			}
			t := float64(pt.Rank)
			if !p.Maximize {
				t = 1 - t
			}
			byRank[r.level(t)] = append(byRank[r.level(t)], spot{x.at(pt.X), y.at(pt.Y)})
		}
		_, bad, top := pairSpots(p.Points, p.Maximize, x, y)
		panel.Add(points(st, infeasible, bad, len(p.Points)))
		m := point
		m.size = 1.4
		for level, spots := range byRank { // the best on top
			panel.Add(points(st, m.in(r[level]), spots, len(p.Points)))
		}
		panel.Add(points(st, bestOfRamp, top, 1))
		keys := []key{{name: "worst to best " + name(p.Value.Name) + " (" + direction(p.Maximize) + ")", ramp: r},
			{name: "best", mark: &bestOfRamp}}
		if len(bad) > 0 {
			keys = append(keys, key{name: "infeasible", mark: &infeasible})
		}
		return page{keys: keys, panels: []*gonum.Plot{panel}, columns: 1, notes: skipped(p.Skipped)}
	}}
}
