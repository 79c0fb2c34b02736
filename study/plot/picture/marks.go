package picture

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A spot is a place in the unit square.
type spot struct{ x, y float64 }

func (s spot) ok() bool { return finite(s.x) && finite(s.y) }

// A mark is how a point looks.
type mark struct {
	shape  draw.GlyphDrawer // on paper
	letter string           // in cells; "": a dot
	color  color.NRGBA
	size   float64 // of a usual point
}

var (
	point      = mark{shape: draw.CircleGlyph{}, letter: "•", color: blue, size: 1}
	infeasible = mark{shape: cross{}, letter: "×", color: gray, size: 1.3}
	best       = mark{shape: draw.PyramidGlyph{}, letter: "◆", color: vermilion, size: 1.8}
	// On colors from vermilion to blue another one stands out.
	bestOfRamp = best.in(color.NRGBA{150, 30, 110, 255})
)

// in returns the mark with another color.
func (m mark) in(c color.NRGBA) mark { m.color = c; return m }

// many is how many points are small ones.
const many = 150

// points draws points, many as one path: thousands of them make a small file.
func points(st style, m mark, spots []spot, total int) drawing {
	return func(c draw.Canvas, at func(x, y float64) vg.Point) {
		glyph := draw.GlyphStyle{Color: m.color, Shape: m.shape, Radius: st.radius * vg.Length(m.size)}
		if total > many {
			glyph.Radius *= 0.6
		}
		if total > 10*many {
			glyph.Radius *= 0.8
		}
		crowd := total > many && m.letter == point.letter
		var path vg.Path
		c.SetLineStyle(draw.LineStyle{Color: m.color, Width: st.line})
		flush := func() {
			if len(path) > 0 && st.cells {
				c.Stroke(path)
			} else if len(path) > 0 {
				c.Fill(path)
			}
			path = path[:0]
		}
		for _, s := range spots {
			if !s.ok() {
				continue
			}
			if len(path) >= chunk {
				flush()
			}
			pt := at(s.x, s.y)
			switch {
			case st.cells && crowd:
				path.Move(pt)
				path.Line(pt)
			case st.cells:
				c.FillString(font.Face{}, vg.Point{X: pt.X - cellWidth/2, Y: pt.Y - cellHeight/2}, m.letter)
			case crowd: // nobody sees that these are squares
				r := glyph.Radius
				path.Move(vg.Point{X: pt.X, Y: pt.Y + r})
				path.Line(vg.Point{X: pt.X + r, Y: pt.Y})
				path.Line(vg.Point{X: pt.X, Y: pt.Y - r})
				path.Line(vg.Point{X: pt.X - r, Y: pt.Y})
				path.Close()
			default:
				c.DrawGlyphNoClip(glyph, pt)
			}
		}
		flush()
	}
}

// chunk is how long a path becomes. A long one is a small file, but slow to draw: the time that PNG takes
// grows with its square.
const chunk = 60

// cross is gonum's, with a line that is seen in print.
type cross struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (cross) DrawGlyph(c *draw.Canvas, st draw.GlyphStyle, pt vg.Point) {
	r := st.Radius * 0.75
	c.StrokeLine2(draw.LineStyle{Color: st.Color, Width: 0.9}, pt.X-r, pt.Y-r, pt.X+r, pt.Y+r)
	c.StrokeLine2(draw.LineStyle{Color: st.Color, Width: 0.9}, pt.X-r, pt.Y+r, pt.X+r, pt.Y-r)
}

// lines draws curves, which spots without a place interrupt. A curve of one spot is a point.
func lines(st style, look draw.LineStyle, curves ...[]spot) drawing {
	return func(c draw.Canvas, at func(x, y float64) vg.Point) {
		var path vg.Path
		c.SetLineStyle(look)
		flush := func(run []vg.Point) {
			if len(run) == 1 {
				run = append(run, vg.Point{X: run[0].X + st.radius/2, Y: run[0].Y})
			}
			for i, pt := range run {
				if i == 0 {
					path.Move(pt)
				} else {
					path.Line(pt)
				}
			}
		}
		for _, curve := range curves {
			var run []vg.Point
			for _, s := range curve {
				if s.ok() {
					run = append(run, at(s.x, s.y))
					continue
				}
				flush(run)
				run = nil
			}
			flush(run)
			if len(path) >= chunk {
				c.Stroke(path)
				path = path[:0]
			}
		}
		if len(path) > 0 {
			c.Stroke(path)
		}
	}
}

// steps turns points of a function that stays until the next one into the corners of its line.
func steps(spots []spot) (corners []spot) {
	last := spot{math.NaN(), math.NaN()}
	for i, s := range spots {
		switch {
		case !s.ok() || !last.ok():
			corners = append(corners, s)
		case s.y != last.y:
			corners = append(corners, spot{s.x, last.y}, s)
		case i == len(spots)-1:
			corners = append(corners, s)
		}
		last = s
	}
	return corners
}

// rules are lines across the panel at the ticks, which do not compete with the data.
func rules(st style, x, y []float64) drawing {
	return func(c draw.Canvas, at func(x, y float64) vg.Point) {
		if st.cells {
			return
		}
		look := draw.LineStyle{Color: grid, Width: st.thin * 0.8}
		for _, v := range x {
			c.StrokeLines(look, []vg.Point{at(v, 0), at(v, 1)})
		}
		for _, v := range y {
			c.StrokeLines(look, []vg.Point{at(0, v), at(1, v)})
		}
	}
}

// box fills a rectangle of the unit square.
func box(c draw.Canvas, col color.Color, a, b vg.Point) {
	c.FillPolygon(col, []vg.Point{a, {X: b.X, Y: a.Y}, b, {X: a.X, Y: b.Y}})
}
