package picture

import (
	"cmp"
	"fmt"
	"slices"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// mostLines is how many trials are still seen apart.
const mostLines = 1000

// Parallel draws each trial as a line across an axis for its value and one for each parameter. Better
// trials are darker.
func Parallel(p plot.ParallelPlot) Figure {
	return Figure{build: func(st style) page {
		if len(p.Lines) == 0 {
			return nothing(p.Skipped)
		}
		pg := page{columns: 1, notes: skipped(p.Skipped)}
		params := p.Params
		if most := st.mostAxes(); len(params)+1 > most {
			pg.notes = append(pg.notes, fmt.Sprintf("The first %d of %d parameters.", most-1, len(params)))
			params = params[:most-1]
		}
		scales := []scale{valueScale(p.Value, column(p.Lines, -1)...)}
		for i, a := range params {
			scales = append(scales, newScale(a, column(p.Lines, i)...))
		}
		place := func(i int) float64 { return (float64(i) + 0.5) / float64(len(scales)) }
		r := st.ramp()
		curves, bad := make([][][]spot, len(r)), [][]spot(nil)
		order := slices.Clone(p.Lines)
		slices.SortStableFunc(order, func(a, b plot.ParallelLine) int { // the worst first
			if p.Maximize {
				return cmp.Compare(a.Value, b.Value)
			}
			return cmp.Compare(b.Value, a.Value)
		})
		if n := len(order); n > mostLines {
			pg.notes = append(pg.notes, fmt.Sprintf("%d of %d trials, evenly from the worst to the best.", mostLines, n))
			for i := range mostLines {
				order[i] = order[(n-1)*i/(mostLines-1)]
			}
			order = order[:mostLines]
		}
		var top []spot
		for i, line := range order {
			spots := []spot{{place(0), scales[0].at(line.Value)}}
			for k := range params {
				spots = append(spots, spot{place(k + 1), scales[k+1].at(line.X[k])})
			}
			if !line.Feasible {
				bad = append(bad, spots)
				continue
			}
			level := r.level(float64(i) / float64(len(order)))
			curves[level] = append(curves[level], spots)
			top = spots
		}
		width := st.line * 0.5
		if len(order) <= 50 {
			width = st.line * 0.8
		}
		panel := st.plot()
		panel.Add(lines(st, draw.LineStyle{Color: gray, Width: width, Dashes: dots}, bad...))
		for level, some := range curves {
			panel.Add(lines(st, draw.LineStyle{Color: r[level], Width: width}, some...))
		}
		look := draw.LineStyle{Color: vermilion, Width: st.line * 1.2}
		panel.Add(lines(st, look, top))
		pg.keys = []key{{name: "worst to best value (" + direction(p.Maximize) + ")", ramp: r}}
		if top != nil {
			pg.keys = append(pg.keys, key{name: "best", line: look})
		}
		if len(bad) > 0 {
			pg.keys = append(pg.keys, key{name: "infeasible", line: draw.LineStyle{Color: gray, Width: width, Dashes: dots}})
		}
		panel.Add(st.parallelAxes(scales, place))
		var names gonum.ConstantTicks
		w := (st.width - 2*st.margin) / vg.Length(len(scales))
		for i, s := range scales {
			names = append(names, gonum.Tick{Value: place(i), Label: fit(st.text, s.label, w-st.char)})
		}
		panel.X.Tick.Marker, panel.X.Tick.Length, panel.X.Width, panel.Y.Width = names, 0, 0, 0
		panel.X.Tick.Label.Font = st.text.Font
		pg.panels = []*gonum.Plot{panel}
		return pg
	}}
}

// mostAxes is how many axes fit beside each other.
func (st style) mostAxes() int {
	if st.cells {
		return max(2, int(st.width/(9*st.char)))
	}
	return max(2, int(st.width/(11*st.char)))
}

// column returns the values of the trials along an axis, -1: their results.
func column(all []plot.ParallelLine, i int) (values []plot.Float) {
	for _, line := range all {
		if i < 0 {
			values = append(values, line.Value)
		} else {
			values = append(values, line.X[i])
		}
	}
	return values
}

// parallelAxes draws the axes, over the lines, with the numbers on their right side.
func (st style) parallelAxes(scales []scale, place func(int) float64) drawing {
	return func(c draw.Canvas, at func(x, y float64) vg.Point) {
		words := st.small
		words.YAlign = draw.YCenter
		height := at(0, 1).Y - at(0, 0).Y
		rows, letters := max(1, int(height/st.row)), int((at(1, 0).X-at(0, 0).X)/vg.Length(len(scales))/st.char)-3
		axis := draw.LineStyle{Color: ink, Width: st.thin}
		for i, s := range scales {
			foot, head := at(place(i), 0), at(place(i), 1)
			c.StrokeLine2(axis, foot.X, foot.Y, head.X, head.Y)
			for _, t := range s.ticks(max(2, rows/3), rows, max(letters, 4)) {
				pt := at(place(i), t.Value)
				if t.IsMinor() {
					continue
				}
				label := t.Label
				if !st.cells {
					c.StrokeLine2(axis, pt.X-st.gap/2, pt.Y, pt.X+st.gap/2, pt.Y)
					halo := white
					halo.A = 190
					box(c, halo, vg.Point{X: pt.X + st.gap*0.7, Y: pt.Y - st.row*0.38},
						vg.Point{X: pt.X + st.gap + words.Width(label), Y: pt.Y + st.row*0.38})
				}
				c.FillText(words, vg.Point{X: pt.X + st.gap*0.9, Y: pt.Y + words.FontExtents().Descent}, label)
			}
		}
	}
}
