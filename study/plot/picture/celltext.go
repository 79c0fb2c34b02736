package picture

import (
	"github.com/mattn/go-runewidth"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// cellText lays out text by the cells that it takes.
type cellText struct{}

// Cache implements text.Handler.
func (cellText) Cache() *font.Cache { return nil }

// Extents implements text.Handler.
func (cellText) Extents(font.Font) font.Extents {
	return font.Extents{Ascent: cellHeight, Height: cellHeight}
}

// Lines implements text.Handler. All texts have one line.
func (cellText) Lines(s string) []string { return []string{s} }

// Box implements text.Handler.
func (cellText) Box(s string, _ font.Font) (width, height, depth vg.Length) {
	for _, r := range s {
		width += vg.Length(runewidth.RuneWidth(r)) * cellWidth
	}
	return width, cellHeight, 0
}

// Draw implements text.Handler. Letters cannot be turned.
func (h cellText) Draw(c vg.Canvas, s string, st text.Style, pt vg.Point) {
	w, _, _ := h.Box(s, st.Font)
	c.SetColor(st.Color)
	c.FillString(font.Face{}, vg.Point{X: pt.X + vg.Length(st.XAlign)*w, Y: pt.Y + vg.Length(st.YAlign)*cellHeight}, s)
}
