package picture

import (
	"fmt"
	"strings"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// mostBars is how many parameters are shown.
const mostBars = 40

// Importances draws a bar for each parameter, with its interval as a whisker.
func Importances(p plot.ImportancePlot) Figure {
	return Figure{build: func(st style) page {
		bars := p.Params
		if len(bars) == 0 {
			return page{empty: "There is nothing to draw yet: importances need complete trials that differ."}
		}
		pg := page{columns: 1}
		if len(bars) > mostBars {
			pg.notes = []string{fmt.Sprintf("The %d most important of %d parameters.", mostBars, len(bars))}
			bars = bars[:mostBars]
		}
		high, whiskers := 0.01, false
		for _, b := range bars {
			for _, v := range []plot.Float{b.Value, b.High} {
				if finite(float64(v)) {
					high = max(high, float64(v))
				}
			}
			whiskers = whiskers || interval(b)
		}
		heading := fmt.Sprintf("importance for %s (%s, %s)", name(p.Value), p.Method, counted(p.Trials, "trial"))
		// Place for the numbers behind the bars.
		w, _ := st.inside(1, 1)
		behind := 7 * st.char
		if st.cells {
			behind = 20 * st.char
		}
		x := newScale(plot.Axis{High: plot.Float(high) * plot.Float(w/max(w-behind, w/4))})
		x.pad, x.label = 0, heading
		panel := st.plot()
		place := func(i int) float64 { return 1 - (float64(i)+0.5)/float64(len(bars)) }
		var ticks gonum.ConstantTicks
		for i, b := range bars {
			ticks = append(ticks, gonum.Tick{Value: place(i), Label: name(b.Name)})
		}
		panel.Y.Tick.Marker, panel.Y.Tick.Length, panel.Y.Padding = ticks, 0, 0
		pg.panels = []*gonum.Plot{panel}
		if st.cells {
			pg.height = vg.Length(len(bars)+1) * st.row
			panel.Title.Text = fit(st.text, heading, w)
			panel.Y.Width, panel.X.Width = 0, 0
			panel.Add(drawing(func(c draw.Canvas, at func(x, y float64) vg.Point) {
				for i, b := range bars {
					textBar(c, at(0, place(i)), at(x.at(b.Value), 0).X, b)
				}
			}))
			return pg
		}
		pg.height = vg.Length(len(bars))*1.7*st.row + 5*st.row
		x.horizontal(&panel.X, st, w)
		panel.Add(rules(st, places(panel.X), nil), drawing(func(c draw.Canvas, at func(x, y float64) vg.Point) {
			half := min(st.row*0.55, (at(0, 1).Y-at(0, place(0)).Y)*0.7)
			for i, b := range bars {
				paperBar(c, st, at(0, place(i)), half, func(v plot.Float) vg.Length { return at(x.at(v), 0).X }, b)
			}
		}))
		if whiskers {
			pg.keys = []key{{name: "importance", fill: sky}, {name: "interval from resampled trials", line: whisker(st)}}
		}
		return pg
	}}
}

// interval reports whether a bar has an interval.
func interval(b plot.ImportanceBar) bool { return finite(float64(b.Low)) && finite(float64(b.High)) }

func whisker(st style) draw.LineStyle { return draw.LineStyle{Color: ink, Width: st.thin * 1.4} }

// paperBar draws a bar, its whisker and its number.
func paperBar(c draw.Canvas, st style, left vg.Point, half vg.Length, x func(plot.Float) vg.Length, b plot.ImportanceBar) {
	right := left.X
	if finite(float64(b.Value)) {
		right = x(b.Value)
		box(c, sky, vg.Point{X: left.X, Y: left.Y - half}, vg.Point{X: right, Y: left.Y + half})
	}
	if interval(b) {
		low, high, look := x(b.Low), x(b.High), whisker(st)
		c.StrokeLine2(look, low, left.Y, high, left.Y)
		c.StrokeLine2(look, low, left.Y-half/2, low, left.Y+half/2)
		c.StrokeLine2(look, high, left.Y-half/2, high, left.Y+half/2)
		right = max(right, high)
	}
	words := st.small
	words.YAlign = draw.YCenter
	c.FillText(words, vg.Point{X: right + st.char, Y: left.Y + centering(st)}, share(b.Value))
}

// textBar draws a bar in the cells of one row, with its numbers behind it.
func textBar(c draw.Canvas, left vg.Point, right vg.Length, b plot.ImportanceBar) {
	eighths := 0
	if finite(float64(right)) {
		eighths = max(0, int(float64((right-left.X)/cellWidth)*8+0.5))
	}
	bar := strings.Repeat("█", eighths/8)
	if eighths%8 > 0 {
		bar += string(rune('█' + 8 - eighths%8)) // ▏ to ▉
	}
	left.Y -= cellHeight / 2 // the middle of the row
	c.SetColor(sky)
	c.FillString(font.Face{}, left, bar)
	left.X += vg.Length((eighths+7)/8+1) * cellWidth
	numbers := share(b.Value)
	if interval(b) {
		numbers += fmt.Sprintf(" (%.2f to %.2f)", b.Low, b.High)
	}
	c.SetColor(nil)
	c.FillString(font.Face{}, left, numbers)
}

// share writes a part of 1.
func share(v plot.Float) string {
	switch x := float64(v); {
	case !finite(x):
		return "unknown"
	case x > 0 && x < 0.005:
		return "< 0.01"
	default:
		return fmt.Sprintf("%.2f", x)
	}
}
