package picture

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/internal/wild"
	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

var notNumbers = regexp.MustCompile(`[=,\s(M L"](?:NaN|[+-]?Inf)[,\s)"LAZ]`)

// Whatever is in a history, each plot has data or an error and can be drawn, without a panic, and without
// a coordinate that is no number.
func TestWildHistoriesAreDrawn(t *testing.T) {
	seeds := 150
	if testing.Short() {
		seeds = 30
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		h := wild.History(r, 1+r.IntN(4)/2+r.IntN(2))
		if r.IntN(3) == 0 {
			h = plot.Thin(h, 1+r.IntN(10))
		}
		for kind, make := range kinds(h, plot.Config{Objective: r.IntN(len(h.Directions()))}) {
			checkWild(t, fmt.Sprintf("seed %d: %s of %d trials", seed, kind, len(h.Finished())), r, make)
		}
	}
}

func checkWild(t *testing.T, what string, r *rand.Rand, make func() (any, Figure, error)) {
	t.Helper()
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("%s: panic: %v", what, p)
		}
	}()
	began := time.Now()
	defer func() {
		if d := time.Since(began); d > 20*time.Second {
			t.Errorf("%s took %v", what, d)
		}
	}()
	data, figure, err := make()
	if err != nil {
		return
	}
	if text, err := json.Marshal(data); err != nil || !json.Valid(text) {
		t.Errorf("%s: as JSON: %v", what, err)
	}
	figure.Title = "\x1b[31m\u202e wild"
	var b bytes.Buffer
	form := "svg"
	switch r.IntN(8) {
	case 0:
		form, err = "png", figure.PNG(io.Discard, 300, 200)
	case 1:
		form, err = "text", figure.Text(&b, 1+r.IntN(100), 1+r.IntN(40), r.IntN(2) == 0)
	case 2:
		form, err = "pdf", figure.PDF(&b, 0, 0)
	default:
		err = figure.SVG(&b, 0, 0)
		if err == nil {
			err = soundXML(b.Bytes())
		}
		if found := notNumbers.Find(b.Bytes()); found != nil {
			t.Errorf("%s: a coordinate is %q", what, found)
		}
	}
	if err != nil {
		t.Errorf("%s as %s: %v", what, form, err)
	}
}

// kinds makes every plot of a history.
func kinds(h trial.History, c plot.Config) map[string]func() (any, Figure, error) {
	study := plot.Study{Name: "\u202e", History: h}
	return map[string]func() (any, Figure, error){
		"history":  func() (any, Figure, error) { p, err := plot.History(h, c); return p, History(p), err },
		"slice":    func() (any, Figure, error) { p, err := plot.Slice(h, c); return p, Slice(p), err },
		"contour":  func() (any, Figure, error) { p, err := plot.Contour(h, c); return p, Contour(p), err },
		"rank":     func() (any, Figure, error) { p, err := plot.Rank(h, c); return p, Rank(p), err },
		"parallel": func() (any, Figure, error) { p, err := plot.Parallel(h, c); return p, Parallel(p), err },
		"importances": func() (any, Figure, error) {
			p, err := plot.Importances(h, c, importance.PEDANOVA{})
			return p, Importances(p), err
		},
		"forest": func() (any, Figure, error) {
			p, err := plot.Importances(h, c, importance.FANOVA{})
			return p, Importances(p), err
		},
		"intermediate": func() (any, Figure, error) { p, err := plot.Intermediate(h, c); return p, Intermediate(p), err },
		"training":     func() (any, Figure, error) { p := plot.Training(h); return p, Training(p), nil },
		"timeline": func() (any, Figure, error) {
			p := plot.Timeline(h, time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC))
			return p, Timeline(p), nil
		},
		"edf":         func() (any, Figure, error) { p, err := plot.EDF(c, study, study); return p, EDF(p), err },
		"pareto":      func() (any, Figure, error) { p, err := plot.Pareto(h, c); return p, Pareto(p), err },
		"hypervolume": func() (any, Figure, error) { p, err := plot.Hypervolume(h, nil); return p, Hypervolume(p), err },
	}
}
