package report

import (
	"bytes"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/wild"
)

var notNumbers = regexp.MustCompile(`[=,\s(M L"](?:NaN|[+-]?Inf)[,\s)"LAZ]`)

// Whatever is in a study, it has a report, and its pictures have no coordinate that is no number.
func TestWildStudiesHaveAReport(t *testing.T) {
	seeds := 200
	if testing.Short() {
		seeds = 40
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(uint64(seed), 11))
		h := wild.History(r, 1+r.IntN(3))
		s := Source{Study: "wild", File: "wild.db", History: h, Sampler: "tpe", Training: r.IntN(2) == 0, OneSeed: r.IntN(2) == 0,
			Waiting: r.IntN(2), Step: "epoch"}
		for range h.Directions() {
			s.Names = append(s.Names, "value")
		}
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Fatalf("seed %d: panic: %v", seed, p)
				}
			}()
			page, err := New(s)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			var html, markdown bytes.Buffer
			if err := HTML(&html, page); err != nil {
				t.Errorf("seed %d: HTML: %v", seed, err)
			}
			if err := Markdown(&markdown, page); err != nil {
				t.Errorf("seed %d: Markdown: %v", seed, err)
			}
			for _, svg := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAll(html.Bytes(), -1) {
				if found := notNumbers.Find(svg); found != nil {
					t.Errorf("seed %d: a coordinate is %q", seed, found)
				}
			}
		}()
	}
}
