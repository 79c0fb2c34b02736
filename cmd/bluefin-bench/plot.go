package main

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// plotFormats are the endings that --plot takes.
var plotFormats = []string{".svg", ".png", ".pdf"}

// A curve is the best so far of a sampler: quartiles at numbers of trials.
type curve struct {
	sampler          string
	n                []float64
	median, q25, q75 []float64
}

// A panel is a part of a plot.
type panel struct {
	title  string
	curves []curve
}

// panels gathers the curves of each problem; or else of each group, where gaps
// of all problems and seeds are taken together, each in the unit of its problem.
func panels(results []result, unit map[string]float64, byProblem bool) []panel {
	type at struct {
		title, sampler string
		n              int
	}
	var list []panel
	gaps := map[at][]float64{}
	groupOf := groupsOf(results)
	for _, r := range results {
		title, u := r.problem, 1.0
		if !byProblem {
			title, u = groupOf[r.problem], unit[r.problem]
		}
		if !(u > 0) {
			continue // there is no unit to draw it in
		}
		k := at{title, r.sampler, r.n}
		// A gap of 0 has no place on a logarithmic axis.
		gaps[k] = append(gaps[k], math.Max(r.best/u, leastGap))
	}
	keys := make([]at, 0, len(gaps))
	for k := range gaps {
		keys = append(keys, k)
	}
	// Colors follow from the order of the flags, the same in every plot of a run.
	order := map[string]int{} // samplers as they come in the results
	for _, r := range results {
		if _, ok := order[r.sampler]; !ok {
			order[r.sampler] = len(order)
		}
	}
	slices.SortFunc(keys, func(a, b at) int {
		return cmp.Or(cmp.Compare(a.title, b.title), cmp.Compare(order[a.sampler], order[b.sampler]),
			cmp.Compare(a.n, b.n))
	})
	// Sorted keys make neighbors of what belongs together.
	for _, k := range keys {
		if len(list) == 0 || list[len(list)-1].title != k.title {
			list = append(list, panel{title: k.title})
		}
		p := &list[len(list)-1]
		if len(p.curves) == 0 || p.curves[len(p.curves)-1].sampler != k.sampler {
			p.curves = append(p.curves, curve{sampler: k.sampler})
		}
		c := &p.curves[len(p.curves)-1]
		g := gaps[k]
		slices.Sort(g)
		c.n = append(c.n, float64(k.n))
		c.median = append(c.median, quantile(g, 0.5))
		c.q25, c.q75 = append(c.q25, quantile(g, 0.25)), append(c.q75, quantile(g, 0.75))
	}
	return list
}

// lineColors tell samplers apart, also for readers who do not see red and green
// apart: Okabe and Ito, "Color Universal Design" (2008), without yellow.
var lineColors = []color.NRGBA{
	{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255},
	{86, 180, 233, 255}, {230, 159, 0, 255}, {90, 90, 90, 255},
}

// dashes tell apart samplers that share a color.
var dashes = [][]vg.Length{nil, {vg.Points(5), vg.Points(2)}, {vg.Points(2), vg.Points(2)}}

// plotBest draws the best so far.
func plotBest(file string, results []result, unit map[string]float64, byProblem bool) error {
	list := panels(results, unit, byProblem)
	if len(list) == 0 {
		return fmt.Errorf("--plot %s: nothing to draw: without random search there is no unit for gaps of a group; "+
			"add random to --sampler, or use --summary problem", file)
	}
	// By the order in all results, so a sampler looks the same in all panels.
	style := map[string]draw.LineStyle{}
	for _, r := range results {
		if i := len(style); style[r.sampler].Color == nil {
			style[r.sampler] = draw.LineStyle{
				Color: lineColors[i%len(lineColors)], Width: vg.Points(1.6), Dashes: dashes[i/len(lineColors)%len(dashes)],
			}
		}
	}
	label := "relative gap"
	if byProblem {
		label = "gap"
	}
	// As square as possible.
	columns := int(math.Ceil(math.Sqrt(float64(len(list)))))
	rows := (len(list) + columns - 1) / columns
	grid := make([][]*plot.Plot, rows)
	for i := range grid {
		// Places after the last panel stay nil.
		grid[i] = make([]*plot.Plot, columns)
		for k := range grid[i] {
			if at := i*columns + k; at < len(list) {
				p, err := list[at].plot(style)
				if err != nil {
					return fmt.Errorf("--plot %s: %w", file, err)
				}
				p.X.Label.Text, p.Y.Label.Text = "trials", label
				grid[i][k] = p
			}
		}
	}
	return save(file, grid, style, samplersOf(list))
}

// samplersOf returns the samplers that have a curve.
func samplersOf(list []panel) []string {
	var names []string
	for _, p := range list {
		for _, c := range p.curves {
			names = include(names, c.sampler)
		}
	}
	return names
}

// plot draws the curves with the band between their quartiles.
func (p panel) plot(style map[string]draw.LineStyle) (*plot.Plot, error) {
	plt := plot.New()
	plt.Title.Text = p.title
	// Both logarithmic: gaps fall as powers of the number of trials.
	plt.X.Scale, plt.Y.Scale = plot.LogScale{}, plot.LogScale{}
	plt.X.Tick.Marker, plt.Y.Tick.Marker = trialTicks{}, decades{}
	plt.Add(lightGrid())
	var lines []plot.Plotter
	for _, c := range p.curves {
		var middle, band plotter.XYs
		for i, n := range c.n {
			middle = append(middle, plotter.XY{X: n, Y: c.median[i]})
			band = append(band, plotter.XY{X: n, Y: c.q75[i]})
		}
		// Back along the lower quartile, which closes the band.
		for i := range slices.Backward(c.n) {
			band = append(band, plotter.XY{X: c.n[i], Y: c.q25[i]})
		}
		line, err := plotter.NewLine(middle)
		if err != nil {
			return nil, err
		}
		line.LineStyle = style[c.sampler]
		area, err := plotter.NewPolygon(band)
		if err != nil {
			return nil, err
		}
		fill := style[c.sampler].Color.(color.NRGBA)
		// Transparent, because bands overlap.
		fill.A = 36
		area.Color, area.LineStyle.Width = fill, 0
		plt.Add(area)
		lines = append(lines, line) // above all bands
	}
	plt.Add(lines...)
	if plt.X.Min == plt.X.Max { // a single number of trials
		plt.X.Min, plt.X.Max = plt.X.Min/2, plt.X.Max*2
	}
	if plt.Y.Max < 10*plt.Y.Min { // a decade at least, for a tick
		plt.Y.Min, plt.Y.Max = plt.Y.Min/3, plt.Y.Max*3
	}
	return plt, nil
}

// lightGrid does not compete with the lines.
func lightGrid() *plotter.Grid {
	g := plotter.NewGrid()
	g.Vertical.Color, g.Horizontal.Color = color.Gray{225}, color.Gray{225}
	return g
}

// trialTicks are 1, 2 and 5 in every decade.
type trialTicks struct{}

// Ticks implements plot.Ticker.
func (trialTicks) Ticks(low, high float64) (ticks []plot.Tick) {
	for decade := 1.0; decade <= high; decade *= 10 {
		for _, m := range []float64{1, 2, 5} {
			if v := m * decade; low <= v && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprint(v)})
			}
		}
	}
	return ticks
}

// decades are powers of ten, with labels on at most eight.
type decades struct{}

// Ticks implements plot.Ticker. 1e-9 forgives rounding at whole powers.
func (decades) Ticks(low, high float64) (ticks []plot.Tick) {
	first, last := int(math.Ceil(math.Log10(low)-1e-9)), int(math.Floor(math.Log10(high)+1e-9))
	every := 1 + (last-first)/8
	for e := first; e <= last; e++ {
		tick := plot.Tick{Value: math.Pow10(e)}
		if e%every == 0 {
			tick.Label = fmt.Sprintf("1e%d", e)
		}
		ticks = append(ticks, tick)
	}
	return ticks
}

// save writes the plots in rows, under a legend, in the format of the file's
// ending.
func save(file string, grid [][]*plot.Plot, style map[string]draw.LineStyle, samplers []string) error {
	const width, height, line, margin = 4 * vg.Inch, 3 * vg.Inch, 16.0, 8.0 // the last two in points
	rows, columns := len(grid), len(grid[0])
	size := vg.Point{X: vg.Length(columns) * width, Y: vg.Length(rows) * height}
	font := legendStyle()
	lines := legendLines(samplers, font, size.X-2*margin)
	legend := margin + line*vg.Length(len(lines))
	canvas, err := draw.NewFormattedCanvas(size.X, size.Y+legend, strings.TrimPrefix(filepath.Ext(file), "."))
	if err != nil {
		return fmt.Errorf("--plot %s: %w", file, err)
	}
	page := draw.New(canvas)
	page.SetColor(color.White)
	// PNG is transparent otherwise, unreadable on dark pages.
	page.Fill(page.Rectangle.Path())
	for i, entries := range lines {
		y := page.Max.Y - margin - line*(vg.Length(i)+0.5)
		for _, e := range entries {
			x := page.Min.X + margin + e.x
			page.StrokeLine2(style[e.sampler], x, y, x+legendStroke, y)
			page.FillText(font, vg.Point{X: x + legendStroke + 4, Y: y - font.Height(e.sampler)/3}, e.sampler)
		}
	}
	tiles := draw.Tiles{
		Rows: rows, Cols: columns, PadX: 24, PadY: 14, PadTop: 4, PadBottom: margin, PadLeft: margin, PadRight: 2 * margin,
	}
	// Axes of a column and a row line up.
	for i, row := range plot.Align(grid, tiles, draw.Crop(page, 0, 0, 0, -legend)) {
		for k, c := range row {
			if grid[i][k] != nil {
				grid[i][k].Draw(c)
			}
		}
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	// Close reports what a full disk kept back.
	_, err = canvas.WriteTo(f)
	return cmp.Or(err, f.Close())
}

// legendStyle is the font of the legend.
func legendStyle() text.Style { return plot.New().Legend.TextStyle }

// legendStroke is the length of a line in the legend.
const legendStroke = vg.Length(22)

// A legendEntry is the place of a sampler's name in its line.
type legendEntry struct {
	sampler string
	x       vg.Length
}

// legendLines breaks the names into lines of at most the given width.
func legendLines(samplers []string, style text.Style, width vg.Length) [][]legendEntry {
	lines := [][]legendEntry{nil}
	x := vg.Length(0)
	for _, s := range samplers {
		// A gap before the name and one after it, in points.
		w := legendStroke + 4 + style.Width(s) + 16
		if x > 0 && x+w > width {
			lines, x = append(lines, nil), 0
		}
		last := &lines[len(lines)-1]
		*last = append(*last, legendEntry{s, x})
		x += w
	}
	return lines
}
