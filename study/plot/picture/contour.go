package picture

import (
	"image"
	"math"
	"sort"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// Contour draws the values over two parameters: a surface in bands of color, and the trials.
func Contour(p plot.ContourPlot) Figure {
	return Figure{build: func(st style) page {
		if len(p.Points) == 0 {
			return nothing(p.Skipped)
		}
		panel, x, y := st.pairPanel(p.X, p.Y, p.Points)
		r := st.judgement()
		if img := surface(p, x, y, r); img != nil {
			panel.Add(drawing(func(c draw.Canvas, at func(x, y float64) vg.Point) {
				c.DrawImage(vg.Rectangle{Min: at(0, 0), Max: at(1, 1)}, img)
			}))
		}
		good, bad, top := pairSpots(p.Points, p.Maximize, x, y)
		m := point.in(ink)
		panel.Add(points(st, infeasible, bad, len(p.Points)), points(st, m, good, len(good)), points(st, bestOfRamp, top, 1))
		keys := []key{{name: "worst to best " + name(p.Value.Name) + " (" + direction(p.Maximize) + ")", ramp: r},
			{name: "trial", mark: &m}, {name: "best", mark: &bestOfRamp}}
		if len(bad) > 0 {
			keys = append(keys, key{name: "infeasible", mark: &infeasible})
		}
		return page{keys: keys, panels: []*gonum.Plot{panel}, columns: 1, notes: skipped(p.Skipped)}
	}}
}

// pairPanel makes a panel over two parameters.
func (st style) pairPanel(a, b plot.Axis, points []plot.PairPoint) (panel *gonum.Plot, x, y scale) {
	var xs, ys []plot.Float
	for _, pt := range points {
		xs, ys = append(xs, pt.X), append(ys, pt.Y)
	}
	x, y = newScale(a, xs...), newScale(b, ys...)
	panel = st.plot()
	st.axes(panel, x, y, 1, 1)
	return panel, x, y
}

// pairSpots returns the places of the feasible trials, the others, and the best one.
func pairSpots(points []plot.PairPoint, maximize bool, x, y scale) (good, bad, top []spot) {
	record := math.NaN()
	for _, pt := range points {
		s := spot{x.at(pt.X), y.at(pt.Y)}
		if !pt.Feasible {
			bad = append(bad, s)
			continue
		}
		good = append(good, s)
		if better(float64(pt.Value), record, maximize) {
			record, top = float64(pt.Value), []spot{s}
		}
	}
	return good, bad, top
}

// surface makes an image of the surface, nil if there is none.
func surface(p plot.ContourPlot, x, y scale, r ramp) image.Image {
	low, high := math.Inf(1), math.Inf(-1)
	for _, row := range p.Surface {
		for _, v := range row {
			if finite(float64(v)) {
				low, high = min(low, float64(v)), max(high, float64(v))
			}
		}
	}
	if len(p.GridX) < 2 || len(p.GridY) < 2 || len(p.Surface) != len(p.GridY) || low >= high {
		return nil
	}
	gx, gy := along(p.GridX, x), along(p.GridY, y)
	const size = 400 // dots
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	for row := range size {
		j, v := between(gy, 1-(float64(row)+0.5)/size)
		for col := range size {
			i, u := between(gx, (float64(col)+0.5)/size)
			if i < 0 || j < 0 {
				continue
			}
			s := func(j, i int) float64 { return float64(p.Surface[j][i]) }
			z := (1-v)*((1-u)*s(j, i)+u*s(j, i+1)) + v*((1-u)*s(j+1, i)+u*s(j+1, i+1))
			if !finite(z) {
				continue
			}
			t := (z/2 - low/2) / (high/2 - low/2)
			if !p.Maximize {
				t = 1 - t
			}
			// Lighter, since the trials are on it.
			img.SetNRGBA(col, row, mix(r[r.level(t)], white, 10)[3])
		}
	}
	return img
}

// along returns the places of grid lines.
func along(g []plot.Float, s scale) (at []float64) {
	for _, v := range g {
		at = append(at, s.at(v))
	}
	return at
}

// between returns the line of the grid before a place, and how far the place is on the way to the next
// one; -1 if it is outside.
func between(g []float64, place float64) (i int, part float64) {
	i = sort.SearchFloat64s(g, place) - 1
	if i < 0 || i+1 >= len(g) || !(g[i+1] > g[i]) {
		return -1, 0
	}
	return i, (place - g[i]) / (g[i+1] - g[i])
}
