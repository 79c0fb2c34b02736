package picture

import (
	"strconv"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// inside estimates the size of the data's part of a panel, for the number of ticks.
func (st style) inside(columns, rows int) (w, h vg.Length) {
	const left, below, above = 9, 3, 4 // letters and rows of what is around it
	w = (st.width-2*st.margin)/vg.Length(columns) - left*st.char
	h = (st.height-2*st.margin-above*st.row)/vg.Length(rows) - below*st.row
	if st.height == 0 {
		h = st.panel - below*st.row
	}
	return max(w, 4*st.char), max(h, 2*st.row)
}

// axes gives a panel its axes, with light lines across it at their ticks.
func (st style) axes(p *gonum.Plot, x, y scale, columns, rows int) {
	w, h := st.inside(columns, rows)
	y.vertical(p, st, h)
	x.horizontal(&p.X, st, w)
	p.Add(rules(st, places(p.X), places(p.Y)))
}

// places returns where an axis has labels.
func places(a gonum.Axis) (at []float64) {
	for _, t := range a.Tick.Marker.Ticks(0, 1) {
		if !t.IsMinor() {
			at = append(at, t.Value)
		}
	}
	return at
}

// wholeCells divides a canvas of cells into tiles: with parts of cells, text and lines would collide.
func wholeCells(dc draw.Canvas, rows, columns int) [][]draw.Canvas {
	width, height := int((dc.Max.X-dc.Min.X)/cellWidth+0.5), int((dc.Max.Y-dc.Min.Y)/cellHeight+0.5)
	at := make([][]draw.Canvas, rows)
	for i := range at {
		for k := range columns {
			left, right := width*k/columns, width*(k+1)/columns
			top, bottom := height*i/rows, height*(i+1)/rows
			at[i] = append(at[i], draw.Canvas{Canvas: dc.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: dc.Min.X + vg.Length(left)*cellWidth, Y: dc.Max.Y - vg.Length(bottom)*cellHeight},
				Max: vg.Point{X: dc.Min.X + vg.Length(right)*cellWidth, Y: dc.Max.Y - vg.Length(top)*cellHeight},
			}})
			if k < columns-1 {
				at[i][k].Max.X -= cellWidth // a gap
			}
		}
	}
	return at
}

// shape returns into how many columns and rows n panels go.
func (st style) shape(n int) (columns, rows int) {
	const least = 40 // letters
	columns = min(n, 4, max(1, int(st.width/(least*st.char))))
	if st.cells {
		columns = min(n, max(1, int(st.width/(24*st.char))))
	}
	// A last row with a single panel looks forgotten.
	for columns > 1 && n > columns && n%columns == 1 && (n+columns-2)/(columns-1) == (n+columns-1)/columns {
		columns--
	}
	return columns, (n + columns - 1) / max(columns, 1)
}

// skipped says how many trials could not be drawn.
func skipped(n int) []string {
	switch n {
	case 0:
		return nil
	case 1:
		return []string{"Without 1 trial whose value is no finite number."}
	}
	return []string{"Without " + number(float64(n)) + " trials whose values are no finite numbers."}
}

// nothing says why there is no picture of complete trials.
func nothing(skipped int) page {
	if skipped > 0 {
		return page{empty: "There is nothing to draw: no complete trial has a value that is a finite number."}
	}
	return page{empty: "There is nothing to draw yet: no trial is complete."}
}

// direction says which values are good.
func direction(maximize bool) string {
	if maximize {
		return "higher is better"
	}
	return "lower is better"
}

// intAxis is an axis of whole numbers.
func intAxis(name string, low, high int) plot.Axis {
	return plot.Axis{Name: name, Int: true, Low: plot.Float(low), High: plot.Float(high)}
}

// counted shows a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
