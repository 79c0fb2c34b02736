package picture

import (
	"cmp"
	"fmt"
	"image/color"
	"slices"
	"time"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// Timeline draws when each trial ran, in lanes of trials that ran one after the other.
func Timeline(p plot.TimelinePlot) Figure {
	return Figure{build: func(st style) page {
		if len(p.Bars) == 0 {
			return page{empty: "There is nothing to draw yet: no trial has started."}
		}
		first, last := p.Bars[0].Start, p.Bars[0].End
		for _, b := range p.Bars {
			if b.Start.Before(first) {
				first = b.Start
			}
			if b.End.After(last) {
				last = b.End
			}
		}
		long := last.Sub(first)
		unit, word := unitOf(long)
		since := func(t time.Time) plot.Float { return plot.Float(t.Sub(first).Seconds() / unit.Seconds()) }
		x := newScale(plot.Axis{Low: 0, High: since(last)})
		x.pad, x.label = 0.01, fmt.Sprintf("%s since %s", word, first.Format("2006-01-02 15:04:05 MST"))
		lanes := max(p.Lanes, 1)
		place := func(lane int) float64 { return 1 - (float64(lane)+0.5)/float64(lanes) }
		panel := st.plot()
		w, h := st.inside(1, 1)
		x.horizontal(&panel.X, st, w)
		panel.Add(rules(st, places(panel.X), nil))
		every := 1 + int(vg.Length(lanes)*st.row/h)
		var ticks gonum.ConstantTicks
		for lane := 0; lane < lanes; lane += every {
			label := fmt.Sprintf("lane %d", lane+1)
			if lane < len(p.Idle) && finite(float64(p.Idle[lane])) {
				label += fmt.Sprintf(" (idle %.0f %%)", 100*p.Idle[lane])
			}
			ticks = append(ticks, gonum.Tick{Value: place(lane), Label: label})
		}
		panel.Y.Tick.Marker, panel.Y.Tick.Length = ticks, 0
		kinds := []struct {
			name  string
			color color.NRGBA
		}{{"complete", blue}, {"pruned", orange}, {"failed", vermilion}, {"infeasible", gray}, {"running", green}}
		pg := page{columns: 1, height: vg.Length(min(lanes, 40))*1.7*st.row + 8*st.row}
		for _, k := range kinds {
			var bars []plot.Bar
			for _, b := range p.Bars {
				if state := shown(b.State); state == "complete" && !b.Feasible && k.name == "infeasible" ||
					state == k.name && (b.Feasible || state != "complete") {
					bars = append(bars, b)
				}
			}
			if len(bars) == 0 {
				continue
			}
			slices.SortStableFunc(bars, func(a, b plot.Bar) int { return cmp.Or(a.Lane-b.Lane, a.Start.Compare(b.Start)) })
			pg.keys = append(pg.keys, key{name: fmt.Sprintf("%d %s", len(bars), k.name), fill: k.color})
			panel.Add(drawing(func(c draw.Canvas, at func(x, y float64) vg.Point) {
				half := (at(0, 1).Y - at(0, place(0)).Y) * 0.8
				half = min(half, st.row)
				var path vg.Path
				c.SetColor(k.color)
				for i, b := range bars {
					if len(path) >= chunk {
						c.Fill(path)
						path = path[:0]
					}
					from, to := at(x.at(since(b.Start)), place(b.Lane)), at(x.at(since(b.End)), 0)
					// Bars that would be one spot anyway are one.
					if i+1 < len(bars) && bars[i+1].Lane == b.Lane && at(x.at(since(bars[i+1].Start)), 0).X-from.X < st.thin*0.7 {
						bars[i+1].Start = b.Start
						continue
					}
					// Its border keeps neighbors apart, and the shortest one visible.
					right := max(to.X-st.thin*0.7, from.X+st.thin*0.7)
					path.Move(vg.Point{X: from.X, Y: from.Y - half})
					path.Line(vg.Point{X: right, Y: from.Y - half})
					path.Line(vg.Point{X: right, Y: from.Y + half})
					path.Line(vg.Point{X: from.X, Y: from.Y + half})
					path.Close()
				}
				c.Fill(path)
			}))
		}
		pg.panels = []*gonum.Plot{panel}
		return pg
	}}
}

// unitOf returns the unit in which a time is at most some hundreds.
func unitOf(d time.Duration) (time.Duration, string) {
	switch {
	case d < time.Second:
		return time.Millisecond, "milliseconds"
	case d < 5*time.Minute:
		return time.Second, "seconds"
	case d < 5*time.Hour:
		return time.Minute, "minutes"
	case d < 100*time.Hour:
		return time.Hour, "hours"
	}
	return 24 * time.Hour, "days"
}
