package report

import (
	"cmp"
	"slices"

	"github.com/dustin/go-humanize/english"

	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/study/plot/picture"
	"github.com/bluefin-hpo/bluefin/trial"
)

// The largest pictures of curves.
const (
	shownTrainings = 6
	shownCurves    = 60
)

// curves shows how values changed while trials ran, with the trainings that over-fitted.
func (s Source) curves(f Found) (Section, error) {
	training := plot.Training(s.History)
	if len(training.Curves) > 0 {
		return s.trainings(f, training), nil
	}
	h := plot.Where(s.History, func(t *trial.Trial) bool { return len(t.Reports) > 1 })
	if len(h.Directions()) > 1 || len(h.Finished())+len(h.Running()) == 0 {
		return Section{}, nil
	}
	reports, err := plot.Intermediate(plot.Thin(h, shownCurves), s.config(0))
	if len(reports.Curves) == 0 {
		return Section{}, err
	}
	reports.Step = cmp.Or(s.Step, "step")
	which := "each trial"
	if len(h.Finished()) > shownCurves {
		which = "some of the trials"
	}
	return Section{Title: "Learning curves", Figures: []Figure{{Picture: picture.Intermediate(reports),
		Caption: say("%v by %v, as %s reported it.", name(s.Names[0]), name(reports.Step), which)}}}, err
}

// trainings shows the losses of some trainings: of the best and the first trial, and of those that
// over-fitted.
func (s Source) trainings(f Found, all plot.TrainingPlot) Section {
	var over []Text
	for _, c := range all.Curves {
		if c.Overfitted {
			over = append(over, say("%d", c.Trial))
		}
	}
	t := say("No training over-fitted.")
	if len(over) > 0 {
		t = say("%s of %s over-fitted: the validation loss ended more than 10 %% above its lowest while the training loss "+
			"still fell (%s %v). Only the best epoch of each counts.", count(len(over)), counted(len(all.Curves), "training"),
			english.PluralWord(len(over), "trial", ""), list(over, 12))
	}
	rank := func(c plot.TrainingCurve) int {
		switch {
		case f.Chosen != nil && c.Trial == f.Chosen.Number:
			return 0
		case c.Trial == 0:
			return 1
		case c.Overfitted:
			return 2
		}
		return 3
	}
	shown := slices.Clone(all.Curves)
	slices.SortStableFunc(shown, func(a, b plot.TrainingCurve) int { return rank(a) - rank(b) })
	shown = shown[:min(len(shown), shownTrainings)]
	slices.SortFunc(shown, func(a, b plot.TrainingCurve) int { return a.Trial - b.Trial })
	return Section{Title: "Learning curves", Text: []Text{t}, Figures: []Figure{{Rows: 22,
		Picture: picture.Training(plot.TrainingPlot{Curves: shown}),
		Caption: say("Losses on the training and the validation data by epoch, of the best and of other trials.")}}}
}

// Pruned is what pruning did.
type Pruned struct {
	Trials int // that were pruned
	Steps  int // that they reported
	Full   int // steps of a usual complete trial, the median; 0: none has reports
	Saved  int // steps that they would have reported in addition
	All    int // steps that all finished trials reported
}

// pruning measures what pruning did.
func pruning(h trial.History) (p Pruned) {
	var full []int
	for _, t := range h.Finished() {
		p.All += len(t.Reports)
		if t.State == trial.Complete && len(t.Reports) > 0 {
			full = append(full, len(t.Reports))
		}
	}
	if len(full) > 0 {
		slices.Sort(full)
		p.Full = full[len(full)/2]
	}
	for _, t := range h.Finished() {
		if t.State == trial.Pruned && t.Violation() == 0 {
			p.Trials++
			p.Steps += len(t.Reports)
			p.Saved += max(0, p.Full-len(t.Reports))
		}
	}
	return p
}

// pruned tells what pruning saved.
func (s Source) pruned() Section {
	p, n := pruning(s.History), s.tally()
	if p.Trials == 0 {
		return Section{}
	}
	step := cmp.Or(s.Step, "step")
	t := say("%s of %s (%s) stopped early, after %s on average.", count(p.Trials), counted(n.Finished(), "finished trial"),
		percent(float64(p.Trials)/float64(n.Finished())), counted((p.Steps+p.Trials/2)/p.Trials, step))
	switch {
	case p.Full == 0:
		t = append(t, say(" No complete trial has reports, so what that saved is unknown.")...)
	case p.Saved == 0:
		t = append(t, say(" A usual complete trial has %s, so that saved nothing.", counted(p.Full, step))...)
	default:
		t = append(t, say(" A usual complete trial has %s, so pruning saved about %s, %s of what the search would have taken "+
			"without it.", counted(p.Full, step), counted(p.Saved, step), percent(float64(p.Saved)/float64(p.Saved+p.All)))...)
	}
	return Section{Title: "What pruning saved", Text: []Text{t}}
}
