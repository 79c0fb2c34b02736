package picture

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg/draw"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// mostCurves is how many trainings one picture shows, each in a panel of its own.
const mostCurves = 12

// Training draws the losses of each training: those of training data dashed, those of validation data
// solid. Over-fitted ones have another color, and say so.
func Training(p plot.TrainingPlot) Figure {
	return Figure{build: func(st style) page {
		var curves []plot.TrainingCurve
		over := 0
		for _, c := range p.Curves {
			if len(c.Train)+len(c.Validation) > 0 {
				curves = append(curves, c)
			}
			if c.Overfitted {
				over++
			}
		}
		if len(curves) == 0 {
			return page{empty: "There is nothing to draw: no trial has kept its losses, as bluefin finetune does."}
		}
		pg := page{}
		if n := len(curves); n > mostCurves {
			pg.notes = []string{fmt.Sprintf("The %d of %d trainings with the lowest validation loss; %d of all over-fitted.",
				mostCurves, n, over)}
			slices.SortStableFunc(curves, func(a, b plot.TrainingCurve) int {
				switch x, y := lowest(a.Validation), lowest(b.Validation); {
				case better(x, y, false):
					return -1
				case better(y, x, false):
					return 1
				}
				return 0
			})
			curves = curves[:mostCurves]
			slices.SortFunc(curves, func(a, b plot.TrainingCurve) int { return a.Trial - b.Trial })
		}
		var values []plot.Float
		longest := 1
		for _, c := range curves {
			values = append(append(values, c.Train...), c.Validation...)
			longest = max(longest, len(c.Train), len(c.Validation))
		}
		columns, rows := st.shape(len(curves))
		x := newScale(intAxis("epoch", 1, longest))
		y := valueScale(plot.Axis{Name: "loss", Low: plot.Float(math.NaN()), High: plot.Float(math.NaN())}, values...)
		looks := func(c color.NRGBA) (train, validation draw.LineStyle) {
			return draw.LineStyle{Color: c, Width: st.line * 0.7, Dashes: dashes}, draw.LineStyle{Color: c, Width: st.line}
		}
		for i, c := range curves {
			panel := st.plot()
			panel.Title.Text = fmt.Sprintf("trial %d", c.Trial)
			train, validation := looks(blue)
			if c.Overfitted {
				train, validation = looks(vermilion)
				panel.Title.Text += ", over-fitted"
				panel.Title.TextStyle.Color = vermilion
			} else if state := shown(c.State); state != "complete" {
				panel.Title.Text += ", " + state
			}
			st.axes(panel, x, y, columns, rows)
			if i%columns > 0 {
				panel.Y.Label.Text = ""
			}
			panel.Add(lines(st, train, epochs(c.Train, x, y)), lines(st, validation, epochs(c.Validation, x, y)))
			pg.panels = append(pg.panels, panel)
		}
		train, validation := looks(blue)
		pg.columns = columns
		pg.keys = []key{{name: "validation loss", line: validation}, {name: "training loss", line: train}}
		if slices.ContainsFunc(curves, func(c plot.TrainingCurve) bool { return c.Overfitted }) {
			_, look := looks(vermilion)
			pg.keys = append(pg.keys, key{name: "over-fitted", line: look})
		}
		return pg
	}}
}

func epochs(losses []plot.Float, x, y scale) (spots []spot) {
	for i, l := range losses {
		spots = append(spots, spot{x.at(plot.Float(i + 1)), y.at(l)})
	}
	return spots
}

// lowest returns the least finite loss, NaN if there is none.
func lowest(losses []plot.Float) float64 {
	least := math.NaN()
	for _, l := range losses {
		if better(float64(l), least, false) {
			least = float64(l)
		}
	}
	return least
}
