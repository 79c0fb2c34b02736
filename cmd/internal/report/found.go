package report

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/study/plot/picture"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Found is the result of a study with one objective, or the front of one with several.
type Found struct {
	Chosen *trial.Trial   // the best trial, or the first of the front; nil: none
	Front  []*trial.Trial // of several objectives, by number
	First  *trial.Trial   // the trial with the settings that were queued first; nil: none, or it is not complete
	Usable int            // complete and feasible trials with finite values

	// With one objective:
	Second *trial.Trial // nil: none
	Later  int          // trials that finished after the best one
	Tenth  *trial.Trial // the tenth best; nil: none
	Spread Spread
	Gain   Gain // over First
}

// A Spread is how much the values of trials with the same parameters differ.
type Spread struct {
	Settings int     // that were run more than once
	Trials   int     // with those
	SD       float64 // standard deviation, pooled over the settings
}

// freedom is the degrees of freedom of SD.
func (s Spread) freedom() int { return s.Trials - s.Settings }

// A Gain compares the best trial with the first.
type Gain struct {
	Absolute  float64 // above 0 is better; of the means, if settings were repeated
	Relative  float64 // share of the first value; NaN if it means little
	Low, High float64 // a 95 % interval for Absolute from Spread; NaN if unknown
	Best      int     // how many trials have the best settings
	First     int     // how many trials have the first settings
}

// find returns what a study has found.
func find(s Source) (f Found) {
	good := plot.Where(s.History, func(t *trial.Trial) bool {
		return t.State == trial.Complete && t.Violation() == 0 && !slices.ContainsFunc(t.Values, strange)
	})
	usable := good.Finished()
	f.Usable = len(usable)
	for _, t := range usable {
		if _, queued := t.SystemAttrs[sysattr.FixedParams]; t.Number == 0 && queued {
			f.First = t
		}
	}
	if f.Usable == 0 {
		return f
	}
	directions := s.History.Directions()
	if len(directions) > 1 {
		f.Front = good.ParetoFront()
		f.Chosen = f.Front[0]
		return f
	}
	d := directions[0]
	ranked := slices.Clone(usable)
	slices.SortStableFunc(ranked, func(a, b *trial.Trial) int { return order(d, a.Values[0], b.Values[0]) })
	f.Chosen = ranked[0]
	if len(ranked) > 1 {
		f.Second = ranked[1]
	}
	if len(ranked) >= 10 {
		f.Tenth = ranked[9]
	}
	finished := s.History.Finished()
	f.Later = len(finished) - 1 - slices.Index(finished, f.Chosen)
	groups := repeats(usable)
	f.Spread = spread(groups)
	if f.First != nil && f.First != f.Chosen {
		f.Gain = gain(d, f, groups)
	}
	return f
}

// strange reports whether a value is no number to compare.
func strange(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// order compares values: the better one comes first.
func order(d trial.Direction, a, b float64) int {
	switch {
	case d.Better(a, b):
		return -1
	case d.Better(b, a):
		return 1
	}
	return 0
}

// settings is the same for trials with the same parameters.
func settings(t *trial.Trial) string {
	var all []string
	for _, p := range t.Params {
		all = append(all, fmt.Sprintf("%q=%v", p.Name, p.External()))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// repeats groups the values of trials with the same parameters.
func repeats(trials []*trial.Trial) map[string][]float64 {
	groups := map[string][]float64{}
	for _, t := range trials {
		key := settings(t)
		groups[key] = append(groups[key], t.Values[0])
	}
	return groups
}

// spread pools the variances of the groups with more than one value.
func spread(groups map[string][]float64) (s Spread) {
	squares := 0.0
	for _, values := range groups {
		if len(values) < 2 {
			continue
		}
		s.Settings++
		s.Trials += len(values)
		m := mean(values)
		for _, x := range values {
			squares += (x - m) * (x - m)
		}
	}
	if s.freedom() > 0 {
		s.SD = math.Sqrt(squares / float64(s.freedom()))
	}
	return s
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, x := range values {
		sum += x / float64(len(values))
	}
	return sum
}

// gain compares the settings of the best trial with those of the first.
func gain(d trial.Direction, f Found, groups map[string][]float64) Gain {
	best, first := groups[settings(f.Chosen)], groups[settings(f.First)]
	g := Gain{Best: len(best), First: len(first), Low: math.NaN(), High: math.NaN(), Relative: math.NaN()}
	g.Absolute = mean(first) - mean(best)
	if d == trial.Maximize {
		g.Absolute = -g.Absolute
	}
	// A share means little across zero or far from it.
	if a, b := mean(first), mean(best); a*b > 0 && math.Abs(g.Absolute) < 10*math.Abs(a) {
		g.Relative = g.Absolute / math.Abs(a)
	}
	if n := f.Spread.freedom(); n > 0 {
		t := distuv.StudentsT{Sigma: 1, Nu: float64(n)}.Quantile(0.975)
		half := t * f.Spread.SD * math.Sqrt(1/float64(g.Best)+1/float64(g.First))
		g.Low, g.High = g.Absolute-half, g.Absolute+half
	}
	return g
}

// few is the number of trials below which a search has hardly begun.
const few = 10

// summary tells the result in a few sentences.
func (s Source) summary(f Found) []Text {
	n := s.tally()
	switch {
	case f.Chosen == nil && n.Finished() == 0:
		return []Text{say("No trial has finished, so there is nothing to report yet. %v", n.text())}
	case f.Chosen == nil && n.Failed == n.Finished():
		return []Text{say("Every trial that ended has failed: there is no result. %v", n.text())}
	case f.Chosen == nil:
		return []Text{say("No trial gives a result: none is complete and feasible with a finite value. %v", n.text())}
	case len(f.Front) > 0:
		return []Text{s.frontLine(f)}
	}
	return []Text{append(s.bestLine(f), s.gainLine(f)...), s.sure(f)}
}

// bestLine names the best trial.
func (s Source) bestLine(f Found) Text {
	return say("The best of %s is trial %d, with %v %s.", counted(len(s.History.Finished()), "finished trial"),
		f.Chosen.Number, name(s.Names[0]), number(f.Chosen.Values[0]))
}

// gainLine compares it with the settings that were queued first.
func (s Source) gainLine(f Found) Text {
	switch {
	case s.First == "":
		return nil
	case f.First == nil:
		return say(" It cannot be compared with %s, because trial 0 gave no result.", s.First)
	case f.First == f.Chosen:
		return say(" Those are %s: the search found nothing better.", s.First)
	case f.Gain.Absolute == 0:
		return say(" It is as good as %s (trial 0).", s.First)
	}
	g := f.Gain
	better := "lower"
	if s.History.Directions()[0] == trial.Maximize {
		better = "higher"
	}
	by := number(math.Abs(g.Absolute))
	if !math.IsNaN(g.Relative) {
		by += " (" + percent(g.Relative) + ")"
	}
	which := " That"
	if g.Best > 1 || g.First > 1 {
		which = " On average over its repeats, it"
	}
	if g.Absolute < 0 {
		return say("%s is %s worse than %s.", which, by, s.First)
	}
	return say("%s is %s %s than %s (trial 0: %s).", which, by, better, s.First, number(f.First.Values[0]))
}

// sure tells how far to trust the result.
func (s Source) sure(f Found) Text {
	var t Text
	switch g := f.Gain; {
	case f.Spread.freedom() > 0 && !s.OneSeed:
		t = say("%s were run more than once, in %s: the values of equal settings differ with a standard deviation of %s.",
			counted(f.Spread.Settings, "setting"), counted(f.Spread.Trials, "trial"), number(f.Spread.SD))
		if f.Spread.Settings == 1 {
			t = say("One setting was run %d times: its values differ with a standard deviation of %s.", f.Spread.Trials,
				number(f.Spread.SD))
		}
		switch {
		case f.Spread.SD == 0:
			t = say("Settings that were run more than once gave exactly the same value each time, so luck has no part in it, or " +
				"every run used the same seed.")
		case f.First == nil || f.First == f.Chosen:
		case g.Low <= 0:
			t = append(t, say(" The gain is within that spread (95 %% interval %s to %s), so it may be luck.",
				number(g.Low), number(g.High))...)
		default:
			t = append(t, say(" The gain is beyond that spread (95 %% interval %s to %s)%s.", number(g.Low), number(g.High),
				once(g))...)
		}
	case s.OneSeed:
		t = say("Every trial started from the same seed, and this study cannot tell how much luck is in its values: " +
			"run the best settings with other seeds before you rely on a small gain.")
	default:
		t = say("No settings have two results, so the spread of the values is unknown: run the best settings again before " +
			"you rely on a small gain.")
	}
	if f.Usable < few {
		t = append(say("With only %s, take this as a first impression. ", counted(f.Usable, "usable trial")), t...)
	}
	return t
}

// once warns of the luck of a single best value.
func once(g Gain) string {
	if g.Best > 1 {
		return ""
	}
	return ", although the best of many single values is partly luck"
}

// shownPoints is how many trials a picture shows at most.
const shownPoints = 800

// found tells what was found, in more detail than the summary.
func (s Source) found(f Found, m Mattered) (Section, error) {
	switch {
	case f.Chosen == nil:
		return Section{}, nil
	case len(f.Front) > 0:
		return s.front(f, m)
	}
	history, err := plot.History(plot.Thin(s.History, shownPoints), s.config(0))
	section := Section{Title: "What was found", Text: []Text{append(s.progress(f), s.tested(f)...)},
		Tables: []Table{s.comparison(f)}, Notes: s.caution(f)}
	if f.Usable > 1 {
		section.Figures = []Figure{{Picture: picture.History(history),
			Caption: say("%v of each trial, and the best so far.", name(s.Names[0]))}}
	}
	return section, err
}

// progress tells when the best trial came, and how close the next one is.
func (s Source) progress(f Found) Text {
	t := say("Trial %d reached the best %v, %s.", f.Chosen.Number, name(s.Names[0]), number(f.Chosen.Values[0]))
	switch {
	case f.Later == 0:
		t = append(t, say(" It was the last to finish, so more trials may well find better settings.")...)
	case f.Later < 1+len(s.History.Finished())/4:
		t = append(t, say(" It came late: %s of %s finished after it, so more trials may find better settings.",
			count(f.Later), counted(len(s.History.Finished()), "trial"))...)
	default:
		t = append(t, say(" The %s that finished after it brought no improvement.", counted(f.Later, "trial"))...)
	}
	if f.Second != nil {
		t = append(t, say(" The next best is trial %d with %s.", f.Second.Number, number(f.Second.Values[0]))...)
	}
	if f.Tenth != nil {
		span := math.Abs(f.Tenth.Values[0] - f.Chosen.Values[0])
		t = append(t, say(" The ten best lie within %s", number(span))...)
		if share := span / math.Abs(f.Chosen.Values[0]); share < 0.5 {
			t = append(t, say(" (%s)", percent(share))...)
		}
		t = append(t, say(".")...)
	}
	return t
}

// comparison shows the settings and scores of the best trial beside those of the first.
func (s Source) comparison(f Found) Table {
	t := Table{Left: 1, Head: []Text{say(""), say("Best: trial %d", f.Chosen.Number)}}
	trials := []*trial.Trial{f.Chosen}
	if s.First != "" && f.First != nil && f.First != f.Chosen {
		t.Head = append(t.Head, say("First: trial 0"))
		trials = append(trials, f.First)
		t.Caption = say("The best settings beside %s.", s.First)
	}
	row := func(head Text, cell func(*trial.Trial) Text) {
		cells := []Text{head}
		for _, u := range trials {
			cells = append(cells, cell(u))
		}
		t.Rows = append(t.Rows, cells)
	}
	row(say("%v", name(s.Names[0])), func(u *trial.Trial) Text { return say("%s", number(u.Values[0])) })
	for _, p := range f.Chosen.Params {
		row(say("%v", name(p.Name)), func(u *trial.Trial) Text { return valueOf(u, p.Name) })
	}
	if s.Training {
		for _, key := range scores(f.Chosen) {
			row(say("%s", strings.ReplaceAll(key, "_", " ")), func(u *trial.Trial) Text {
				x, ok := score(u, key)
				if !ok {
					return say("–")
				}
				return say("%s", number(x))
			})
		}
	}
	row(say("time"), func(u *trial.Trial) Text { return say("%s", duration(u.Duration())) })
	return t
}

// scores returns the attributes of a trial with scores of its network on data that it did not train on.
func scores(t *trial.Trial) (keys []string) {
	for _, part := range []string{"validation", "test"} {
		for _, metric := range []string{"loss", "accuracy", "auroc", "rmse", "r2"} {
			if _, ok := t.UserAttrs[part+"_"+metric]; ok {
				keys = append(keys, part+"_"+metric)
			}
		}
	}
	return keys
}

// score reads such an attribute.
func score(t *trial.Trial, key string) (x float64, ok bool) {
	return x, json.Unmarshal(t.UserAttrs[key], &x) == nil
}

// tested tells whether the gain shows on the test data too.
func (s Source) tested(f Found) Text {
	key := "test_" + s.Names[0]
	best, ok := score(f.Chosen, key)
	if !s.Training || !ok || f.First == nil || f.First == f.Chosen {
		return nil
	}
	first, ok := score(f.First, key)
	if !ok {
		return nil
	}
	so := "so the gain shows there too"
	if !s.History.Directions()[0].Better(best, first) {
		so = "so the gain does not show there"
	}
	return say(" On the test data, which were used for no choice, the best has a %v of %s and trial 0 one of %s, %s.",
		name(s.Names[0]), number(best), number(first), so)
}

// caution tells what test scores are for.
func (s Source) caution(f Found) []Text {
	tested := slices.ContainsFunc(scores(f.Chosen), func(key string) bool { return strings.HasPrefix(key, "test_") })
	if !s.Training || !tested {
		return nil
	}
	return []Text{say("Trials and epochs were chosen by validation scores, which are therefore somewhat too good. The test " +
		"scores were used for no choice, so they estimate how the best network does on new data; that holds only as " +
		"long as nobody chooses among trials by them.")}
}
