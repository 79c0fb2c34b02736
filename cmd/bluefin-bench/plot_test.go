package main

import (
	"bytes"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
)

func TestPanelsHaveQuartilesInTheUnitOfTheirProblem(t *testing.T) {
	results := slices.Concat(
		runs("classic_branin", "a", 10, 2, 4, 6), runs("classic_branin", "a", 5, 8, 8, 8),
		runs("classic_levy8", "a", 10, 0, 0, 0), runs("catchain", "b", 10, 7), runs("jenatton", "b", 10, 7),
	)
	unit := map[string]float64{"classic_branin": 2, "classic_levy8": 10, "jenatton": 7}
	groups := panels(results, unit, false)
	if len(groups) != 2 || groups[0].title != "classic" || groups[1].title != "mixed" {
		t.Fatalf("the panels are %+v", groups)
	}
	a := groups[0].curves[0]
	if a.sampler != "a" || !slices.Equal(a.n, []float64{5, 10}) || a.median[0] != 4 || !near(a.median[1], (leastGap+1)/2) || a.q75[1] != 1.75 {
		t.Errorf("the curve of a group is %+v", a)
	}
	if b := groups[1].curves; len(b) != 1 || !slices.Equal(b[0].median, []float64{1}) {
		t.Errorf("a problem without a unit is drawn: %+v", b)
	}
	problems := panels(results, unit, true)
	if len(problems) != 4 || problems[1].title != "classic_branin" || !slices.Equal(problems[1].curves[0].q25, []float64{8, 3}) {
		t.Errorf("the panels of the problems are %+v", problems)
	}
}

func TestPlotsAreDrawn(t *testing.T) {
	folder := t.TempDir()
	svg := filepath.Join(folder, "best.svg")
	args := []string{"quality", "--problem", "classic_branin,jenatton", "--sampler", "random,tpe", "--trials", "20", "--seeds", "3", "--plot"}
	if code, _, messages := bench(t, append(args, svg)...); code != 0 {
		t.Fatal(messages)
	}
	text, err := os.ReadFile(svg)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<svg", ">classic<", ">mixed<", ">random<", ">tpe<", ">trials<", ">relative gap<"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("the plot has no %q", want)
		}
	}
	again := filepath.Join(folder, "again.svg")
	bench(t, append(args, again)...)
	if other, _ := os.ReadFile(again); !bytes.Equal(other, text) {
		t.Error("the same command line draws another plot")
	}
	picture := filepath.Join(folder, "best.png")
	if code, _, messages := bench(t, append(args, picture, "--summary", "problem")...); code != 0 {
		t.Fatal(messages)
	}
	f, err := os.Open(picture)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := png.Decode(f); err != nil {
		t.Error(err)
	}
}

func TestWhatCannotBeDrawnIsAnError(t *testing.T) {
	err := plotBest(filepath.Join(t.TempDir(), "x.svg"), runs("jenatton", "tpe", 10, 1), nil, false)
	if err == nil || !strings.Contains(err.Error(), "add random to --sampler") {
		t.Errorf("%v, want an error that says what to do", err)
	}
}

func TestTicksAreRoundNumbers(t *testing.T) {
	labels := func(ticks []string) string { return strings.Join(ticks, " ") }
	var trials, gaps []string
	for _, k := range (trialTicks{}).Ticks(5, 1000) {
		trials = append(trials, k.Label)
	}
	if got := labels(trials); got != "5 10 20 50 100 200 500 1000" {
		t.Errorf("the ticks of 5 to 1000 trials are %s", got)
	}
	for _, k := range (decades{}).Ticks(1e-10, 300) {
		if k.Label != "" {
			gaps = append(gaps, k.Label)
		}
		if l := math.Log10(k.Value); math.Abs(l-math.Round(l)) > 1e-9 {
			t.Errorf("%v is no power of ten", k.Value)
		}
	}
	if got := labels(gaps); got != "1e-10 1e-8 1e-6 1e-4 1e-2 1e0 1e2" {
		t.Errorf("the ticks of gaps are %s", got)
	}
}

func TestLegendBreaksIntoLines(t *testing.T) {
	names := []string{"tpe", "cmaes", "random", "gp"}
	style := legendStyle()
	for _, c := range []struct {
		width float64
		want  []int
	}{{1e4, []int{4}}, {1, []int{1, 1, 1, 1}}, {150, []int{2, 2}}} {
		var got []int
		for _, line := range legendLines(names, style, vg.Length(c.width)) {
			got = append(got, len(line))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("with a width of %v the lines have %v entries, want %v", c.width, got, c.want)
		}
	}
}
