package report

import (
	"slices"

	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/study/plot/picture"
)

// Mattered is how much each parameter mattered, for each objective.
type Mattered struct {
	Plots []plot.ImportancePlot // one for each objective; none if there are too few trials
}

// mattered measures the parameters.
func (s Source) mattered() (m Mattered, err error) {
	for k := range s.Names {
		p, err := plot.Importances(s.History, s.config(k), importance.PEDANOVA{})
		if err != nil {
			return m, err
		}
		if len(p.Params) == 0 { // too few trials
			return Mattered{}, nil
		}
		m.Plots = append(m.Plots, p)
	}
	return m, nil
}

// enough is how many usable trials an importance needs to be more than a hint: the best tenth of them
// are compared with the rest.
const enough = 50

// headline names what mattered most, for the summary, if there are enough trials to say so.
func (m Mattered) headline() []Text {
	if len(m.Plots) != 1 || len(m.Plots[0].Params) < 2 || m.Plots[0].Trials < enough {
		return nil
	}
	top := m.Plots[0].Params[0]
	t := say("What mattered most was %v, with %s of the importance of all parameters", name(top.Name),
		percent(float64(top.Value)))
	if !certain(m.Plots[0]) {
		t = append(t, say(", but the next ones may matter as much")...)
	}
	return []Text{append(t, say(".")...)}
}

// order returns the parameters, the most important for the first objective first.
func (m Mattered) order(s Source) (all []string) {
	if len(m.Plots) > 0 {
		for _, bar := range m.Plots[0].Params {
			all = append(all, bar.Name)
		}
	}
	for _, p := range params(s.History) { // those of trials without a result, or all
		if !slices.Contains(all, p.Name) {
			all = append(all, p.Name)
		}
	}
	return all
}

// shownSlices is how many parameters get a picture, if they have at least a share of leastSlice.
const (
	shownSlices = 4
	leastSlice  = 0.05
)

// importances shows which parameters mattered.
func (s Source) importances(m Mattered) (Section, error) {
	switch {
	case len(m.Plots) == 0, len(m.Plots[0].Params) < 2:
		return Section{}, nil
	case m.Plots[0].Trials < few:
		return Section{Title: "What mattered", Text: []Text{say("%s with a result are too few to tell which parameters matter.",
			counted(m.Plots[0].Trials, "trial"))}}, nil
	}
	section := Section{Title: "What mattered"}
	for k, p := range m.Plots {
		section.Text = append(section.Text, ranking(p))
		section.Figures = append(section.Figures, Figure{Picture: picture.Importances(p), Rows: len(p.Params) + 2,
			Caption: say("Importance of each parameter for %v, with 90 %% intervals.", name(s.Names[k]))})
	}
	for k, p := range m.Plots {
		c := s.config(k)
		for _, bar := range p.Params[:min(len(p.Params), shownSlices)] {
			if len(c.Params) == 0 || float64(bar.Value) >= leastSlice {
				c.Params = append(c.Params, bar.Name)
			}
		}
		slice, err := plot.Slice(plot.Thin(s.History, shownPoints), c)
		if err != nil {
			return section, err
		}
		section.Figures = append(section.Figures, Figure{Picture: picture.Slice(slice),
			Caption: say("%v of each trial by %v.", name(s.Names[k]), names(c.Params, shownSlices))})
	}
	section.Notes = []Text{say("Importance by %s: how much the parameter decides whether a trial is among the best tenth, "+
		"as a share of that of all parameters. A parameter that matters only together with another gets too little.",
		m.Plots[0].Method)}
	return section, nil
}

// certain reports whether the most important parameter is ahead of the second whatever trials were drawn.
func certain(p plot.ImportancePlot) bool {
	return len(p.Params) > 1 && p.Trials >= enough && float64(p.Params[0].Low) > float64(p.Params[1].High)
}

// ranking tells which parameters matter, and how sure that is.
func ranking(p plot.ImportancePlot) Text {
	var top []Text
	for _, bar := range p.Params[:min(len(p.Params), 3)] {
		top = append(top, say("%v (%s)", name(bar.Name), percent(float64(bar.Value))))
	}
	t := say("For %v: %v.", name(p.Value), list(top, 3))
	switch {
	case p.Trials < enough:
		t = append(t, say(" These shares come from only %s, the best tenth of which are few: take them as a hint.",
			counted(p.Trials, "trial"))...)
	case certain(p):
		t = append(t, say(" The interval of the first lies above that of the second, so which one matters most is clear.")...)
	default:
		t = append(t, say(" The intervals of the first two overlap, so their order is uncertain.")...)
	}
	return t
}
