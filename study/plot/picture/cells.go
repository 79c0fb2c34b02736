package picture

import (
	"bufio"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
	"slices"

	"github.com/mattn/go-runewidth"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
)

// The size of a cell of a terminal: about twice as high as wide. Each has two by four dots.
const (
	cellWidth  vg.Length = 6
	cellHeight vg.Length = 12
)

// cells is a canvas of a terminal's cells: lines and areas are dots of braille letters, text is text.
type cells struct {
	columns, rows int
	dots          []uint8       // by cell, from the top
	letters       []string      // instead of the dots; "": none
	colors        []color.NRGBA // of what was drawn last
	pen           pen
	stack         []pen
}

// A pen is how things are drawn, and where: x' = a·x + b·y + e, y' = c·x + d·y + f.
type pen struct {
	color            color.NRGBA
	width            vg.Length
	dashes           []vg.Length
	offset           vg.Length
	a, b, c, d, e, f float64
}

func newCells(columns, rows int) *cells {
	n := columns * rows
	c := &cells{columns: columns, rows: rows, dots: make([]uint8, n), letters: make([]string, n),
		colors: make([]color.NRGBA, n), pen: pen{a: 1, d: 1}}
	vg.Initialize(c)
	return c
}

// Size implements vg.CanvasSizer.
func (c *cells) Size() (w, h vg.Length) {
	return vg.Length(c.columns) * cellWidth, vg.Length(c.rows) * cellHeight
}

// The state of the pen; implements vg.Canvas.
func (c *cells) SetLineWidth(w vg.Length)               { c.pen.width = w }
func (c *cells) SetLineDash(d []vg.Length, o vg.Length) { c.pen.dashes, c.pen.offset = d, o }
func (c *cells) Push()                                  { c.stack = append(c.stack, c.pen) }
func (c *cells) Pop() {
	c.pen, c.stack = c.stack[len(c.stack)-1], c.stack[:len(c.stack)-1]
}

// SetColor implements vg.Canvas. Without a color, things have that of the terminal's text.
func (c *cells) SetColor(col color.Color) {
	c.pen.color = color.NRGBA{}
	if col != nil && col != color.Black && col != ink {
		c.pen.color = color.NRGBAModel.Convert(col).(color.NRGBA)
	}
}

// The transformations; implement vg.Canvas.
func (c *cells) Translate(pt vg.Point) { c.transform(1, 0, 0, 1, float64(pt.X), float64(pt.Y)) }
func (c *cells) Scale(x, y float64)    { c.transform(x, 0, 0, y, 0, 0) }
func (c *cells) Rotate(r float64) {
	sin, cos := math.Sincos(r)
	c.transform(cos, -sin, sin, cos, 0, 0)
}

func (c *cells) transform(a, b, cc, d, e, f float64) {
	p := c.pen
	c.pen.a, c.pen.b, c.pen.e = p.a*a+p.b*cc, p.a*b+p.b*d, p.a*e+p.b*f+p.e
	c.pen.c, c.pen.d, c.pen.f = p.c*a+p.d*cc, p.c*b+p.d*d, p.c*e+p.d*f+p.f
}

// place returns the coordinates of a point in dots, from the left and the top.
func (c *cells) place(pt vg.Point) (x, y float64) {
	p, h := c.pen, float64(c.rows)*float64(cellHeight)
	x, y = p.a*float64(pt.X)+p.b*float64(pt.Y)+p.e, p.c*float64(pt.X)+p.d*float64(pt.Y)+p.f
	return x / float64(cellWidth) * 2, (h - y) / float64(cellHeight) * 4
}

// bits are the dots of a braille letter, by row and column.
var bits = [4][2]uint8{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

// dot sets a dot. A dot on the lower or right edge of the picture is within.
func (c *cells) dot(x, y int) {
	if x < 0 || y < 0 || x >= 2*c.columns || y >= 4*c.rows {
		return
	}
	i := y/4*c.columns + x/2
	c.dots[i] |= bits[y%4][x%2]
	c.colors[i] = c.pen.color
}

// Stroke implements vg.Canvas. All lines are one dot wide.
func (c *cells) Stroke(p vg.Path) {
	if c.pen.width <= 0 {
		return
	}
	for _, line := range c.flatten(p) {
		done := float64(c.pen.offset)
		for i := 1; i < len(line); i++ {
			done = c.segment(line[i-1], line[i], done)
		}
	}
}

// segment draws a line between two dots, and returns how long the line is so far.
func (c *cells) segment(a, b [2]float64, done float64) float64 {
	n := math.Ceil(max(math.Abs(b[0]-a[0]), math.Abs(b[1]-a[1])))
	if !(n < 1e5) { // far outside
		return done
	}
	length := math.Hypot(b[0]-a[0], b[1]-a[1]) * float64(cellHeight) / 4
	// Lines that end at the border between two cells stay in the first one.
	if n > 0 {
		dx, dy := (b[0]-a[0])/n*edge, (b[1]-a[1])/n*edge
		a, b = [2]float64{a[0] + dx, a[1] + dy}, [2]float64{b[0] - dx, b[1] - dy}
	}
	for i := 0.0; i <= n; i++ {
		t := i / max(n, 1)
		if c.drawn(done + t*length) {
			c.dot(int(math.Floor(a[0]+t*(b[0]-a[0]))), int(math.Floor(a[1]+t*(b[1]-a[1])-edge/2)))
		}
	}
	return done + length
}

// edge is a small part of a dot. Lines along the border of two rows are in the upper one, above the text
// of an axis.
const edge = 1e-3

// drawn reports whether a dashed line is drawn after a length.
func (c *cells) drawn(length float64) bool {
	total := 0.0
	for _, d := range c.pen.dashes {
		total += float64(d)
	}
	if total <= 0 {
		return true
	}
	length = math.Mod(length, total)
	for i, d := range c.pen.dashes {
		if length -= float64(d); length < 0 {
			return i%2 == 0
		}
	}
	return true
}

// Fill implements vg.Canvas: it sets the dots whose middle is inside.
func (c *cells) Fill(p vg.Path) {
	outline := c.flatten(p)
	for y := range 4 * c.rows {
		middle := float64(y) + 0.5
		var cuts []float64
		for _, line := range outline {
			for i, a := range line {
				b := line[(i+1)%len(line)]
				if (a[1] <= middle) != (b[1] <= middle) {
					cuts = append(cuts, a[0]+(middle-a[1])/(b[1]-a[1])*(b[0]-a[0]))
				}
			}
		}
		slices.Sort(cuts)
		for i := 1; i < len(cuts); i += 2 {
			from, to := max(cuts[i-1], 0), min(cuts[i], float64(2*c.columns))
			for x := int(math.Ceil(from - 0.5)); float64(x)+0.5 < to; x++ {
				c.dot(x, y)
			}
		}
	}
}

// flatten returns the lines of a path, in dots.
func (c *cells) flatten(p vg.Path) (lines [][][2]float64) {
	add := func(pt vg.Point) {
		x, y := c.place(pt)
		last := &lines[len(lines)-1]
		*last = append(*last, [2]float64{x, y})
	}
	const parts = 16 // of a curve
	at := vg.Point{}
	for i, comp := range p {
		if i == 0 || comp.Type == vg.MoveComp {
			lines = append(lines, nil)
		}
		switch comp.Type {
		case vg.MoveComp, vg.LineComp:
			at = comp.Pos
			add(at)
		case vg.ArcComp:
			for k := range parts + 1 {
				sin, cos := math.Sincos(comp.Start + comp.Angle*float64(k)/parts)
				at = vg.Point{X: comp.Pos.X + comp.Radius*vg.Length(cos), Y: comp.Pos.Y + comp.Radius*vg.Length(sin)}
				add(at)
			}
		case vg.CurveComp:
			hull := append(append([]vg.Point{at}, comp.Control...), comp.Pos)
			for k := 1; k <= parts; k++ {
				add(bezier(hull, vg.Length(k)/parts))
			}
			at = comp.Pos
		case vg.CloseComp:
			if line := lines[len(lines)-1]; len(line) > 0 {
				lines[len(lines)-1] = append(line, line[0])
			}
		}
	}
	return lines
}

// bezier returns a point of a curve by de Casteljau's algorithm.
func bezier(hull []vg.Point, t vg.Length) vg.Point {
	hull = slices.Clone(hull)
	for n := len(hull) - 1; n > 0; n-- {
		for i := range n {
			hull[i] = hull[i].Scale(1 - t).Add(hull[i+1].Scale(t))
		}
	}
	return hull[0]
}

// FillString implements vg.Canvas: the letters begin in the cell that has the middle of the first one.
func (c *cells) FillString(_ font.Face, pt vg.Point, s string) {
	x, y := c.place(vg.Point{X: pt.X + cellWidth/2, Y: pt.Y + cellHeight/2})
	column, row := int(math.Floor(x/2)), int(math.Floor(y/4))
	if row < 0 || row >= c.rows {
		return
	}
	for _, r := range s {
		w := runewidth.RuneWidth(r)
		if column >= 0 && column+w <= c.columns && w > 0 {
			i := row*c.columns + column
			c.letters[i], c.colors[i] = string(r), c.pen.color
			if w == 2 {
				c.letters[i+1] = wide
			}
		}
		column += w
	}
}

// wide is in the cell behind a letter that takes two.
const wide = "\x00"

// DrawImage implements vg.Canvas: darker cells have more ink.
func (c *cells) DrawImage(rect vg.Rectangle, img image.Image) {
	left, bottom := c.place(rect.Min)
	right, top := c.place(rect.Max)
	b := img.Bounds()
	for row := max(0, int(top/4)); row < min(c.rows, int(math.Ceil(bottom/4))); row++ {
		for column := max(0, int(left/2)); column < min(c.columns, int(math.Ceil(right/2))); column++ {
			x := (float64(column)*2 + 1 - left) / (right - left)
			y := (float64(row)*4 + 2 - top) / (bottom - top)
			if x < 0 || y < 0 || x >= 1 || y >= 1 {
				continue
			}
			col := color.NRGBAModel.Convert(img.At(b.Min.X+int(x*float64(b.Dx())), b.Min.Y+int(y*float64(b.Dy())))).(color.NRGBA)
			if col.A == 0 {
				continue
			}
			shades := []string{"█", "▓", "▒", "░"}
			i := row*c.columns + column
			c.letters[i], c.colors[i] = shades[int(color.GrayModel.Convert(col).(color.Gray).Y)*len(shades)/256], col
		}
	}
}

// write writes the cells as lines, without the blanks at their ends.
func (c *cells) write(w io.Writer, colored bool) error {
	out := bufio.NewWriter(w)
	for row := range c.rows {
		line := row * c.columns
		end := line + c.columns
		for end > line && c.letter(end-1) == " " {
			end--
		}
		current := color.NRGBA{}
		for i := line; i < end; i++ {
			letter := c.letter(i)
			if letter == wide {
				continue
			}
			if colored && letter != " " && c.colors[i] != current {
				if current = c.colors[i]; current.A == 0 {
					out.WriteString("\x1b[0m")
				} else {
					fmt.Fprintf(out, "\x1b[38;5;%dm", cube(current))
				}
			}
			out.WriteString(letter)
		}
		if current.A != 0 {
			out.WriteString("\x1b[0m")
		}
		out.WriteByte('\n')
	}
	return out.Flush()
}

// letter returns what a cell shows.
func (c *cells) letter(i int) string {
	switch {
	case c.letters[i] != "":
		return c.letters[i]
	case c.dots[i] != 0:
		return string(rune(0x2800 + int(c.dots[i])))
	}
	return " "
}

// cube returns the nearest of the 216 colors that terminals have in a cube from number 16.
func cube(c color.NRGBA) int {
	level := func(v uint8) int { // 0, 95, 135, …, 255
		if v < 48 {
			return 0
		}
		return min(max((int(v)-35)/40, 1), 5)
	}
	return 16 + 36*level(c.R) + 6*level(c.G) + level(c.B)
}
