package picture

import (
	"strconv"
	"strings"
	"unicode"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// longest is how many letters of a name are shown at most.
const longest = 28

// name makes a text of the user one that can be drawn: without control characters, and short.
func name(s string) string { return cut(clean(s), longest) }

// clean replaces what is not visible.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		// Marks that pile up on one letter would cover others.
		case !strconv.IsGraphic(r), unicode.Is(unicode.Mn, r):
			return '·'
		}
		return r
	}, s)
}

// cut leaves at most n letters: the beginning and the end, where names differ.
func cut(s string, n int) string {
	letters := []rune(s)
	if len(letters) <= n {
		return s
	}
	n = max(n, 3)
	tail := (n - 1) / 2
	return string(letters[:n-1-tail]) + "…" + string(letters[len(letters)-tail:])
}

// inFont draws text in formats whose letters are drawn by us: those that our font lacks become boxes, or
// nobody would see that there is something. Viewers of SVG find a font that has them.
type inFont struct{ text.Plain }

func newInFont() inFont { return inFont{text.Plain{Fonts: gonum.DefaultTextHandler.Cache()}} }

// Draw implements text.Handler.
func (f inFont) Draw(c vg.Canvas, s string, st text.Style, pt vg.Point) {
	face := f.Fonts.Lookup(st.Font, st.Font.Size)
	s = strings.Map(func(r rune) rune {
		if i, err := face.Face.GlyphIndex(nil, r); err != nil || i == 0 {
			return '□'
		}
		return r
	}, s)
	f.Plain.Draw(c, s, st, pt)
}

// fit cuts the end of a text so that it is at most so wide.
func fit(st text.Style, s string, width vg.Length) string {
	s = clean(s)
	letters := []rune(s)
	for n := len(letters); n > 0 && st.Width(s) > width; {
		// Nearly there with one step: letters are about as wide.
		n = min(n-1, int(vg.Length(n)*width/st.Width(s))+1)
		s = string(letters[:max(n, 1)]) + "…"
	}
	return s
}

// wrap breaks a sentence into lines.
func wrap(st text.Style, s string, width vg.Length) (lines []string) {
	for _, word := range strings.Fields(s) {
		if n := len(lines); n > 0 && st.Width(lines[n-1]+" "+word) <= width {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, fit(st, word, width))
		}
	}
	return lines
}
