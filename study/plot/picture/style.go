package picture

import (
	"image/color"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colors that are told apart without seeing red and green apart: Okabe and Ito, "Color Universal
// Design" (2008).
var (
	blue      = color.NRGBA{0, 114, 178, 255}
	vermilion = color.NRGBA{213, 94, 0, 255}
	green     = color.NRGBA{0, 158, 115, 255}
	purple    = color.NRGBA{204, 121, 167, 255}
	sky       = color.NRGBA{86, 180, 233, 255}
	orange    = color.NRGBA{230, 159, 0, 255}
	gray      = color.NRGBA{120, 120, 120, 255}
	pale      = color.NRGBA{190, 198, 206, 255}
	ink       = color.NRGBA{40, 40, 40, 255}
	grid      = color.NRGBA{228, 228, 228, 255}
	white     = color.NRGBA{255, 255, 255, 255}
)

// lineColors tell curves apart.
var lineColors = []color.NRGBA{blue, vermilion, green, purple, sky, orange, gray}

// A style is how things look on paper, or in the cells of a terminal. Lengths are those of the canvas.
type style struct {
	cells              bool
	width, height      vg.Length // of the whole picture
	text, small, title text.Style
	char, row          vg.Length // the size of a typical letter, with what is between lines
	margin, gap        vg.Length
	panel              vg.Length // the height of one panel of several
	line, thin         vg.Length // widths
	radius             vg.Length // of a point
}

// paper is the style of files.
func paper(width, height vg.Length, letters text.Handler) style {
	words := func(size vg.Length) text.Style {
		return text.Style{
			Color: ink, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
			YAlign: draw.YTop, Handler: letters,
		}
	}
	return style{
		width: width, height: height, text: words(9), small: words(8), title: words(12),
		char: 5, row: 13, margin: 9, gap: 5, panel: 210 * pixel, line: 1.6, thin: 0.7, radius: 2.1,
	}
}

// terminal is the style of a grid of cells.
func terminal(columns, rows int) style {
	words := text.Style{YAlign: draw.YTop, Handler: cellText{}}
	return style{
		cells: true, width: vg.Length(columns) * cellWidth, height: vg.Length(rows) * cellHeight,
		text: words, small: words, title: words,
		char: cellWidth, row: cellHeight, panel: 10 * cellHeight, line: 1, thin: 1, radius: 1,
	}
}

// plot returns a panel without axes. Everything in it is drawn in the unit square.
func (st style) plot() *gonum.Plot {
	p := gonum.New()
	p.BackgroundColor = nil
	p.Title.TextStyle = st.text
	p.Title.TextStyle.XAlign = draw.XCenter
	p.Title.Padding = st.gap
	for _, axis := range []*gonum.Axis{&p.X, &p.Y} {
		axis.Min, axis.Max = 0, 1
		axis.Padding, axis.Label.Padding = st.gap/2, st.gap/2
		axis.Color, axis.Tick.Color = gray, gray
		axis.Width, axis.Tick.Width = st.thin, st.thin
		axis.Tick.Length = st.gap * 0.8
		// Alignment belongs to the axis.
		for _, s := range []*text.Style{&axis.Label.TextStyle, &axis.Tick.Label} {
			s.Font, s.Handler, s.Color = st.text.Font, st.text.Handler, st.text.Color
		}
		axis.Tick.Label.Font = st.small.Font
		axis.Tick.Marker = gonum.ConstantTicks(nil)
	}
	return p
}

// A drawing is a plotter over the unit square.
type drawing func(c draw.Canvas, at func(x, y float64) vg.Point)

// Plot implements gonum.Plotter.
func (d drawing) Plot(c draw.Canvas, p *gonum.Plot) {
	x, y := p.Transforms(&c)
	d(c, func(a, b float64) vg.Point { return vg.Point{X: x(a), Y: y(b)} })
}

// A ramp is a scale of colors, from the least to the most important.
type ramp []color.NRGBA

// ramp is pale to dark on paper, and gray to bright on terminals, whatever their background.
func (st style) ramp() ramp {
	from, over, to := color.NRGBA{206, 222, 236, 255}, color.NRGBA{84, 152, 204, 255}, color.NRGBA{8, 48, 107, 255}
	if st.cells {
		from, over, to = color.NRGBA{118, 118, 118, 255}, color.NRGBA{95, 135, 175, 255}, color.NRGBA{0, 175, 255, 255}
	}
	return append(mix(from, over, 4), mix(over, to, 4)[1:]...)
}

// judgement is a ramp from bad to good. Terminals without colors have only shades.
func (st style) judgement() ramp {
	if st.cells {
		return append(mix(white, sky, 4), mix(sky, color.NRGBA{0, 40, 90, 255}, 4)[1:]...)
	}
	return append(mix(color.NRGBA{179, 70, 0, 255}, color.NRGBA{222, 214, 205, 255}, 4),
		mix(color.NRGBA{222, 214, 205, 255}, color.NRGBA{0, 80, 150, 255}, 4)[1:]...)
}

// mix returns n+1 colors from a to b.
func mix(a, b color.NRGBA, n int) (r ramp) {
	for i := range n + 1 {
		part := func(x, y uint8) uint8 { return uint8((int(x)*(n-i) + int(y)*i) / n) }
		r = append(r, color.NRGBA{part(a.R, b.R), part(a.G, b.G), part(a.B, b.B), 255})
	}
	return r
}

// level returns which color is for t in [0, 1].
func (r ramp) level(t float64) int { return min(max(int(t*float64(len(r))), 0), len(r)-1) }
