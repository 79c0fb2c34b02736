package dashboard

import (
	"cmp"
	"net/http"
	"time"

	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

// mostCurves is how many trials a plot of curves shows at most: more cannot be told apart.
const mostCurves = 200

// mostLines is how many trials parallel coordinates show at most, each a line through all axes. Five times as many
// take browsers without a GPU five times as long, and cover each other.
const mostLines = 1000

// A plotRequest is what a plot is made from.
type plotRequest struct {
	now    *snapshot
	filter filter
	query  string // of the filter
	config plot.Config
}

// draw makes the plot of the given name from the trials that the filter leaves.
func (r plotRequest) draw(name string) (a plotAnswer, err error) {
	all := plot.Where(r.now.history, r.filter.keep)
	thin := func(most int) trial.History {
		h := plot.Thin(all, most)
		a.Shown = size(h)
		return h
	}
	a = plotAnswer{Shown: size(all), Matching: size(all), Trials: size(r.now.history), Loading: r.now.total > 0,
		Revision: r.now.revision}
	switch name {
	case "history":
		a.Plot, err = plot.History(thin(mostPoints), r.config)
	case "slice":
		// A point for each parameter, but enough of them to see something.
		a.Plot, err = plot.Slice(thin(max(mostPoints/max(1, len(r.now.params())), 100)), r.config)
	case "parallel":
		a.Plot, err = plot.Parallel(thin(mostLines), r.config)
	case "contour":
		h := thin(mostPoints)
		a.Plot, err = plot.Contour(h, r.pair(all, h))
	case "rank":
		h := thin(mostPoints)
		a.Plot, err = plot.Rank(h, r.pair(all, h))
	case "timeline":
		p := plot.Timeline(all, time.Now()) // of all trials: between fewer, lanes would look idle
		p.Bars = every(p.Bars, mostPoints)
		a.Plot, a.Shown = p, len(p.Bars)
	case "training":
		a.Plot = r.training(thin)
	case "pareto":
		a.Plot, err = plot.Pareto(thin(mostPoints), r.config)
	case "importances":
		a.Plot, err = r.importances(all)
	case "edf":
		a.Plot, err = plot.EDF(r.config, plot.Study{Name: r.now.study.Name, History: all})
	case "hypervolume":
		var p plot.HypervolumePlot
		p, err = plot.Hypervolume(all, nil)
		p.Points = every(p.Points, mostPoints)
		a.Plot, a.Shown = p, len(p.Points)
	case "intermediate":
		var p plot.IntermediatePlot
		p, err = plot.Intermediate(thin(mostCurves), r.config)
		p.Step = cmp.Or(r.now.outline().Step, p.Step)
		for i := range p.Curves {
			c := &p.Curves[i]
			c.Steps, c.Values = every(c.Steps, mostPoints/len(p.Curves)), every(c.Values, mostPoints/len(p.Curves))
		}
		a.Plot, a.Loading = p, r.now.loading()
	default:
		return a, statusf(http.StatusNotFound, "There is no plot %q.", name)
	}
	if err != nil {
		return a, badf("%s.", sentence(err))
	}
	return a, nil
}

// training takes fewer trials if they have many epochs: a curve has one value for each.
func (r plotRequest) training(thin func(int) trial.History) plot.TrainingPlot {
	for n := mostCurves; ; n /= 2 {
		p, points := plot.Training(thin(n)), 0
		for _, c := range p.Curves {
			points += 2 * len(c.Train)
		}
		if points <= mostPoints || n <= 2 {
			return p
		}
	}
}

// size counts the finished and the running trials.
func size(h trial.History) int { return len(h.Finished()) + len(h.Running()) }

// every returns at most so many of a list, evenly spread, the first and the last among them.
func every[T any](list []T, most int) []T {
	most = max(most, 2)
	if len(list) <= most {
		return list
	}
	some := make([]T, most)
	for i := range some {
		some[i] = list[i*(len(list)-1)/(most-1)]
	}
	return some
}
