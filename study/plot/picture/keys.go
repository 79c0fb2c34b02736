package picture

import (
	"image/color"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A key is an entry of the legend, which is above the panels: within one it would cover data.
type key struct {
	name string
	line draw.LineStyle // if it has a width
	mark *mark
	ramp ramp
	fill color.Color
}

// A placedKey is an entry with its place in its line.
type placedKey struct {
	key
	x, sample vg.Length // where it starts, and how wide its sample is
}

// keyLines breaks the legend into lines.
func keyLines(keys []key, st style) (lines [][]placedKey) {
	width := st.width - 2*st.margin
	x := vg.Length(0)
	for _, k := range keys {
		sample := 3 * st.char
		switch {
		case k.ramp != nil:
			sample = 9 * st.char
		case k.mark != nil || k.fill != nil:
			sample = st.char * 1.6
			if st.cells {
				sample = st.char
			}
		}
		k.name = fit(st.text, k.name, width-sample-st.char)
		total := sample + st.char + st.text.Width(k.name)
		if len(lines) == 0 || x+total > width {
			lines, x = append(lines, nil), 0
		}
		last := &lines[len(lines)-1]
		*last = append(*last, placedKey{key: k, x: x, sample: sample})
		x += total + 3*st.char
	}
	return lines
}

// drawKeys draws a line of the legend at the top.
func drawKeys(c draw.Canvas, line []placedKey, st style) {
	for _, k := range line {
		left, middle := c.Min.X+k.x, c.Max.Y-st.row/2
		right := left + k.sample
		switch {
		case k.mark != nil:
			points(st, *k.mark, []spot{{}}, 1)(c, func(_, _ float64) vg.Point {
				return vg.Point{X: (left + right) / 2, Y: middle}
			})
		case k.ramp != nil:
			step := k.sample / vg.Length(len(k.ramp))
			for i, col := range k.ramp {
				box(c, col, vg.Point{X: left + vg.Length(i)*step, Y: middle - st.row*0.3},
					vg.Point{X: left + vg.Length(i+1)*step, Y: middle + st.row*0.3})
			}
		case k.fill != nil:
			box(c, k.fill, vg.Point{X: left, Y: middle - st.row*0.3}, vg.Point{X: right, Y: middle + st.row*0.3})
		default:
			c.StrokeLine2(k.line, left, middle, right, middle)
		}
		words := st.text
		words.YAlign = draw.YCenter
		c.FillText(words, vg.Point{X: right + st.char, Y: middle + centering(st)}, k.name)
	}
}

// centering is what gonum's axes add to center text, whose box begins below the line of its letters.
func centering(st style) vg.Length { return st.text.FontExtents().Descent }
