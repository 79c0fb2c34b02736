package picture

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// Every kind is drawn in every form, for few and many trials and names that could do harm. With
// BLUEFIN_GALLERY the files are left in that folder, to look at.
func TestFormsAreSound(t *testing.T) {
	sets := map[string]map[string]Figure{"3": gallery(3, plainNames), "60": gallery(60, plainNames),
		"hostile": gallery(20, hostileNames)}
	if !testing.Short() {
		sets["5000"] = gallery(5000, plainNames)
	}
	for set, figures := range sets {
		for kind, f := range figures {
			f.Title = kind + " of study \"digits\" \x1b[31m"
			check := func(form string, write func(io.Writer) error, sound func([]byte) error) {
				var b bytes.Buffer
				if err := errors.Join(write(&b), sound(b.Bytes())); err != nil {
					t.Errorf("%s of %s trials as %s: %v", kind, set, form, err)
				}
				if dir := os.Getenv("BLUEFIN_GALLERY"); dir != "" {
					if err := os.WriteFile(filepath.Join(dir, set+"-"+kind+"."+form), b.Bytes(), 0o666); err != nil {
						t.Fatal(err)
					}
				}
			}
			check("svg", func(w io.Writer) error { return f.SVG(w, 0, 0) }, soundXML)
			check("txt", func(w io.Writer) error { return f.Text(w, 80, 23, false) }, soundText)
			if set == "60" || set == "5000" {
				check("png", func(w io.Writer) error { return f.PNG(w, 0, 0) }, soundPNG)
			}
			if set == "hostile" {
				check("pdf", func(w io.Writer) error { return f.PDF(w, 600, 400) }, func(b []byte) error {
					if !bytes.HasPrefix(b, []byte("%PDF-")) {
						return errors.New("no PDF")
					}
					return nil
				})
			}
		}
	}
}

func soundXML(text []byte) error {
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		switch token, err := d.Token(); t := token.(type) {
		case xml.StartElement:
			if t.Name.Local == "script" {
				return errors.New("a script in it")
			}
		case nil:
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

func soundPNG(data []byte) error {
	img, err := png.Decode(bytes.NewReader(data))
	if err == nil && !bytes.Contains(data, []byte(Mark)) {
		err = errors.New("no mark")
	}
	if err == nil && img.Bounds().Dx() != 1600 {
		err = errors.New("its width is " + img.Bounds().String())
	}
	return err
}

func soundText(text []byte) error {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if w := runewidth.StringWidth(line); w > 80 || !utf8.ValidString(line) || strings.ContainsFunc(line, unicode.IsControl) {
			return errors.New("a bad line: " + line)
		}
	}
	return nil
}

// The picture has a circle for each trial, and one for the legend.
func TestEachTrialIsDrawn(t *testing.T) {
	var b bytes.Buffer
	if err := gallery(60, plainNames)["history"].SVG(&b, 0, 0); err != nil {
		t.Fatal(err)
	}
	bad := 0
	for i := range 60 {
		if i%9 == 4 {
			bad++
		}
	}
	const arcs = 2 // of a circle
	if n := strings.Count(b.String(), "A2.1,"); n != arcs*(60-bad+1) {
		t.Errorf("%d arcs, want those of %d circles", n, 60-bad+1)
	}
}

func TestEmptyPlotsSayWhy(t *testing.T) {
	for kind, f := range map[string]Figure{
		"history": History(plot.HistoryPlot{}), "slice": Slice(plot.SlicePlot{}), "contour": Contour(plot.ContourPlot{}),
		"slice without points": Slice(plot.SlicePlot{Params: []plot.ParamSlice{{}}}),
		"parallel":             Parallel(plot.ParallelPlot{}), "importances": Importances(plot.ImportancePlot{}),
		"intermediate": Intermediate(plot.IntermediatePlot{}), "training": Training(plot.TrainingPlot{}),
		"timeline": Timeline(plot.TimelinePlot{}), "edf": EDF(plot.EDFPlot{}), "rank": Rank(plot.RankPlot{}),
		"pareto": Pareto(plot.ParetoPlot{}), "hypervolume": Hypervolume(plot.HypervolumePlot{}),
	} {
		var b, svg bytes.Buffer
		if err := errors.Join(f.Text(&b, 80, 23, false), f.SVG(&svg, 0, 0)); err != nil {
			t.Error(err)
		}
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		if !strings.HasPrefix(lines[0], "There is nothing to draw") || len(lines) > 2 || !strings.HasSuffix(lines[len(lines)-1], ".") ||
			!strings.Contains(svg.String(), "There is nothing to draw") {
			t.Errorf("%s: %q", kind, b.String())
		}
	}
}

// Values that break naive arithmetic are drawn where they can be, and never end in a panic.
func TestExtremeValues(t *testing.T) {
	inf, nan := plot.Float(math.Inf(1)), plot.Float(math.NaN())
	for name, values := range map[string][]plot.Float{
		"huge": {-math.MaxFloat64, math.MaxFloat64}, "equal": {3, 3, 3}, "zero": {0},
		"tiny": {5e-324, 1e-323}, "missing": {nan, nan},
		"infinite": {inf, -inf, 1}, "close": {1e15, 1e15 + 1, 1e15 + 2}, "orders": {1e-30, 1, 1e30}, "negative": {-1, -1000},
	} {
		for _, log := range []bool{false, true} {
			axis := plot.Axis{Name: "x", Log: log, Low: nan, High: nan}
			h := plot.HistoryPlot{Value: axis}
			s := plot.SlicePlot{Value: axis, Params: []plot.ParamSlice{{Param: axis}}}
			par := plot.ParallelPlot{Value: axis, Params: []plot.Axis{axis}}
			c := plot.ContourPlot{X: axis, Y: axis, Value: axis, GridX: values, GridY: values}
			curve := plot.Curve{State: "COMPLETE", Feasible: true}
			imp := plot.ImportancePlot{}
			for i, v := range values {
				h.Points = append(h.Points, plot.HistoryPoint{Trial: i, Value: v, Best: v, Feasible: true})
				s.Params[0].Points = append(s.Params[0].Points, plot.SlicePoint{Trial: i, X: v, Value: v, Feasible: true})
				par.Lines = append(par.Lines, plot.ParallelLine{Trial: i, Value: v, X: []plot.Float{v}, Feasible: true})
				c.Points = append(c.Points, plot.PairPoint{Trial: i, X: v, Y: v, Value: v, Rank: 0.5, Feasible: true})
				c.Surface = append(c.Surface, values)
				curve.Steps, curve.Values = append(curve.Steps, i*math.MaxInt32), append(curve.Values, v)
				imp.Params = append(imp.Params, plot.ImportanceBar{Name: "x", Value: v, Low: v, High: v})
			}
			figures := []Figure{History(h), Slice(s), Parallel(par), Contour(c), Importances(imp),
				Rank(plot.RankPlot{X: axis, Y: axis, Value: axis, Points: c.Points}),
				Intermediate(plot.IntermediatePlot{Value: axis, Curves: []plot.Curve{curve}}),
				Training(plot.TrainingPlot{Curves: []plot.TrainingCurve{{Train: values, Validation: values}}}),
				EDF(plot.EDFPlot{Value: axis, X: values, Curves: []plot.EDFCurve{{Y: []plot.Float{0.3, nan, 1}}}})}
			for i, f := range figures {
				var svg, text bytes.Buffer
				err := errors.Join(f.SVG(&svg, 0, 0), soundXML(svg.Bytes()), f.Text(&text, 80, 23, true))
				if s := svg.String(); err != nil || strings.Contains(s, "NaN") || strings.Contains(s, "Inf") {
					t.Errorf("%s values, log %v, figure %d: %v", name, log, i, err)
				}
			}
		}
	}
}

func TestTextOfTerminal(t *testing.T) {
	p := plot.HistoryPlot{Value: plot.Axis{Name: "loss", Low: 0, High: 1}}
	for i, v := range []plot.Float{0.8, 0.5, 0.9, 0.2, 0.4} {
		before := []plot.Float{1, 0.8, 0.5, 0.5, 0.2}[i]
		p.Points = append(p.Points, plot.HistoryPoint{Trial: i, Value: v, Best: min(v, before), Feasible: i != 2})
	}
	f := History(p)
	f.Title = "history"
	var b bytes.Buffer
	if err := f.Text(&b, 60, 14, false); err != nil {
		t.Fatal(err)
	}
	const want = `history
• trial   ⠒⠒⠒ best so far (lower is better)   × infeasible
                            loss
1.0 ⡇
    ⡇                           ×
    ⡇    •⠉⠉⠉⠉⠉⠉⠉⠉⠉⠉⢹
    ⡇               ⢸
0.5 ⡇               •⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⠤⡄
    ⡇                                      ⡇          •
    ⡇                                      •⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⡀
    ⡇
0.0 ⣇⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀
         0          1           2          3          4
                              trial
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	b.Reset()
	if err := f.Text(&b, 60, 14, true); err != nil || !strings.Contains(b.String(), "\x1b[38;5;") {
		t.Errorf("no colors in %q, %v", b.String(), err)
	}
}

func TestSizes(t *testing.T) {
	f := gallery(3, plainNames)["slice"]
	for _, size := range [][2]int{{1, 1}, {50, 2000}, {MaxSize, 40}} {
		var b bytes.Buffer
		err := errors.Join(f.SVG(&b, size[0], size[1]), soundXML(b.Bytes()), f.Text(io.Discard, size[0], size[1], false))
		if err != nil {
			t.Errorf("%v: %v", size, err)
		}
	}
	if err := f.SVG(io.Discard, MaxSize+1, 0); err == nil {
		t.Error("no error for a picture that is too wide")
	}
}
