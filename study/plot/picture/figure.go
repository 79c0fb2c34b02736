// Package picture draws the plots of package plot as SVG, PNG and PDF, and in the cells of a terminal.
// There is a function for each plot, all with the same drawers for every form.
//
// Colors are told apart by people who do not see red and green apart, and look good on white paper.
// Names of parameters are the user's: long ones are cut, control characters are replaced.
package picture

import (
	"bytes"
	"fmt"
	"io"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgpdf"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Figure is a picture that can be drawn in several forms and sizes. Functions such as History make it.
type Figure struct {
	Title string // above the picture; may be empty
	build func(style) page
}

// A page is what a figure shows in some style: panels in rows, with what explains them.
type page struct {
	empty   string // why there is nothing to see, instead of all else
	keys    []key
	notes   []string // below the panels
	panels  []*gonum.Plot
	columns int       // of panels
	height  vg.Length // of a panel; 0: as is usual
}

// Sizes are in pixels of 1/96 inch.
const (
	pixel = vg.Inch / 96
	// MaxSize limits widths and heights: a PNG of that size takes 0.8 GB of memory.
	MaxSize = 7200
)

// SVG writes the picture in a size in pixels of 1/96 inch, at most MaxSize. Zero is what suits the plot.
func (f Figure) SVG(w io.Writer, width, height int) error {
	var text bytes.Buffer
	err := f.write(&text, width, height, func(w, h vg.Length) vg.CanvasWriterTo { return vgsvg.New(w, h) })
	if err != nil {
		return err
	}
	// Viewers without the font take one whose letters are as wide.
	svg := bytes.ReplaceAll(text.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
	_, err = w.Write(svg)
	return err
}

// PNG is SVG for another format. It has two dots for each pixel, for paper and sharp screens.
func (f Figure) PNG(w io.Writer, width, height int) error {
	return f.write(w, width, height, func(w, h vg.Length) vg.CanvasWriterTo {
		return vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(2*96))}
	})
}

// PDF is SVG for another format.
func (f Figure) PDF(w io.Writer, width, height int) error {
	return f.write(w, width, height, func(w, h vg.Length) vg.CanvasWriterTo { return vgpdf.New(w, h) })
}

func (f Figure) write(w io.Writer, width, height int, canvas func(w, h vg.Length) vg.CanvasWriterTo) error {
	const usual = 800
	for _, size := range []int{width, height} {
		if size < 0 || size > MaxSize {
			return fmt.Errorf("a picture is %d pixels wide and %d high, want at most %d", width, height, MaxSize)
		}
	}
	if width == 0 {
		width = usual
	}
	st := paper(vg.Length(width)*pixel, vg.Length(height)*pixel)
	p := f.build(st)
	if height == 0 {
		st.height = min(f.naturalHeight(p, st), MaxSize*pixel)
		p = f.build(st)
	}
	c := canvas(st.width, st.height)
	f.draw(draw.New(c), p, st)
	_, err := c.WriteTo(w)
	return err
}

// Text writes the picture as lines of text, columns wide. It has about that many rows: more if many panels
// need them, fewer if that is enough. With color, escape sequences of terminals with 256 colors are in it.
func (f Figure) Text(w io.Writer, columns, rows int, color bool) error {
	columns, rows = min(max(columns, 20), 1000), min(max(rows, 8), 1000)
	st := terminal(columns, rows)
	p := f.build(st)
	need := int(f.naturalHeight(p, st)/cellHeight + 0.5)
	switch {
	case p.empty != "":
		need = 1
		if f.Title != "" {
			need = 2
		}
		fallthrough
	case p.height > 0 || len(p.panels) > 1 && need > rows:
		rows = need
		st = terminal(columns, rows)
		p = f.build(st)
	}
	c := newCells(columns, rows)
	f.draw(draw.NewCanvas(c, st.width, st.height), p, st)
	return c.write(w, color)
}

// naturalHeight is the height at which the panels are as high as usual.
func (f Figure) naturalHeight(p page, st style) vg.Length {
	if p.empty != "" {
		return st.row * 10
	}
	high := p.height
	if high == 0 {
		high = st.panel
		if len(p.panels) == 1 && !st.cells {
			high = 420 * pixel
		}
	}
	rows := (len(p.panels) + p.columns - 1) / max(p.columns, 1)
	return f.head(p, st) + vg.Length(len(p.notes))*st.row + vg.Length(rows)*high + 2*st.margin
}

// head is the height of what is above the panels.
func (f Figure) head(p page, st style) (h vg.Length) {
	if f.Title != "" {
		h += st.title.Height(" ") + st.gap
	}
	if n := len(keyLines(p.keys, st)); n > 0 {
		h += vg.Length(n)*st.row + st.gap
	}
	return h
}

// draw draws the page.
func (f Figure) draw(dc draw.Canvas, p page, st style) {
	if !st.cells {
		// PNG is transparent otherwise, unreadable on dark pages.
		dc.FillPolygon(white, []vg.Point{dc.Min, {X: dc.Max.X, Y: dc.Min.Y}, dc.Max, {X: dc.Min.X, Y: dc.Max.Y}})
	}
	dc = draw.Crop(dc, st.margin, -st.margin, st.margin, -st.margin)
	if f.Title != "" {
		title := fit(st.title, f.Title, dc.Max.X-dc.Min.X)
		dc.FillText(st.title, vg.Point{X: dc.Min.X, Y: dc.Max.Y}, title)
		dc.Max.Y -= st.title.Height(" ") + st.gap
	}
	if p.empty != "" {
		dc.FillText(st.text, vg.Point{X: dc.Min.X, Y: dc.Max.Y}, fit(st.text, p.empty, dc.Max.X-dc.Min.X))
		return
	}
	if lines := keyLines(p.keys, st); len(lines) > 0 {
		for _, line := range lines {
			drawKeys(dc, line, st)
			dc.Max.Y -= st.row
		}
		dc.Max.Y -= st.gap
	}
	for i := len(p.notes) - 1; i >= 0; i-- {
		dc.FillText(st.small, vg.Point{X: dc.Min.X, Y: dc.Min.Y + st.row}, fit(st.small, p.notes[i], dc.Max.X-dc.Min.X))
		dc.Min.Y += st.row
	}
	p.tile(dc, st)
}

// tile draws the panels in rows.
func (p page) tile(dc draw.Canvas, st style) {
	rows := (len(p.panels) + p.columns - 1) / p.columns
	grid := make([][]*gonum.Plot, rows)
	for i := range grid {
		grid[i] = make([]*gonum.Plot, p.columns)
		copy(grid[i], p.panels[i*p.columns:min((i+1)*p.columns, len(p.panels))])
	}
	tiles := draw.Tiles{Rows: rows, Cols: p.columns, PadX: 2 * st.char, PadY: st.gap}
	var at [][]draw.Canvas
	if st.cells {
		at = wholeCells(dc, rows, p.columns)
	} else {
		// Axes of a column and a row line up.
		at = gonum.Align(grid, tiles, dc)
	}
	for i, row := range grid {
		for k, panel := range row {
			if panel != nil {
				panel.Draw(at[i][k])
			}
		}
	}
}
