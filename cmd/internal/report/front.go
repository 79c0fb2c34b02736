package report

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/study/plot/picture"
	"github.com/bluefin-hpo/bluefin/trial"
)

// shownFront is how many trials of a front a table lists.
const shownFront = 20

// frontLine names the trials of the front.
func (s Source) frontLine(f Found) Text {
	var all []Text
	for _, n := range s.Names {
		all = append(all, say("%v", name(n)))
	}
	t := say("The Pareto front has %s of %s with a result: no other trial is at least as good in %v and better in one of "+
		"them.", count(len(f.Front)), counted(f.Usable, "trial"), list(all, 9))
	if len(f.Front) == 1 {
		t = say("Of %s with a result, trial %d is at least as good as every other in %v.", counted(f.Usable, "trial"),
			f.Chosen.Number, list(all, 9))
	}
	if f.Usable < few*len(s.Names) {
		t = append(t, say(" With so few trials, take this as a first impression.")...)
	}
	return t
}

// front tells what a study with several objectives has found.
func (s Source) front(f Found, m Mattered) (Section, error) {
	section := Section{Title: "What was found"}
	directions := s.History.Directions()
	var extremes Text
	for i, d := range directions {
		best := slices.MinFunc(f.Front, func(a, b *trial.Trial) int { return order(d, a.Values[i], b.Values[i]) })
		extremes = append(extremes, say(" The best %v is %s (trial %d).", name(s.Names[i]), number(best.Values[i]),
			best.Number)...)
	}
	extremes[0].Text = extremes[0].Text[1:]
	section.Text = append(section.Text, extremes)
	if s.First != "" && f.First != nil {
		section.Text = append(section.Text, s.firstAndFront(f))
	}
	// By the first objective, so that the table reads as the trade-off.
	front := slices.Clone(f.Front)
	slices.SortStableFunc(front, func(a, b *trial.Trial) int { return order(directions[0], a.Values[0], b.Values[0]) })
	shown := front[:min(len(front), shownFront)]
	t := s.trialTable(shown, m.order(s))
	t.Caption = say("The Pareto front.")
	if more := len(front) - len(shown); more > 0 {
		t.Caption = say("The Pareto front; %s are left out here.", counted(more, "more trial"))
	}
	section.Tables = append(section.Tables, t)
	if n := len(m.order(s)); n > shownParams {
		section.Notes = []Text{say("The table has the %d most important of %d parameters.", shownParams, n)}
	}
	if len(directions) > 3 || f.Usable < 2 {
		return section, nil
	}
	points, err := plot.Pareto(plot.Thin(s.History, shownPoints), s.config(0))
	section.Figures = []Figure{{Picture: picture.Pareto(points), Caption: say("The trials by their values, and the front.")}}
	return section, err
}

// firstAndFront tells where the settings that were queued first are.
func (s Source) firstAndFront(f Found) Text {
	if slices.Contains(f.Front, f.First) {
		return say("%s (trial 0) are on the front.", capital(s.First))
	}
	var better []*trial.Trial
	for _, t := range f.Front {
		log := trial.NewLog(s.History.Directions())
		log.Put(&trial.Trial{Number: 0, State: trial.Complete, Values: f.First.Values})
		log.Put(&trial.Trial{Number: 1, State: trial.Complete, Values: t.Values})
		if len(log.History().ParetoFront()) == 1 {
			better = append(better, t)
		}
	}
	return say("%s (trial 0) are not on the front; at least as good in everything: %v.", capital(s.First),
		numbers(better, 8))
}
