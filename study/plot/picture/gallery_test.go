package picture

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"time"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// gallery makes every kind of figure for a study of n trials, some of them infeasible.
func gallery(n int, names []string) map[string]Figure {
	rng := rand.New(rand.NewPCG(1, 2))
	choices := []string{"adam", "sgd", "adafactor with a long name", "lion", `"quoted" <b>`}
	axes := []plot.Axis{
		{Name: names[0], Log: true, Low: 1e-6, High: 1e-1}, {Name: names[1], Int: true, Low: 1, High: 12},
		{Name: names[2], Choices: choices, Low: 0, High: 4}, {Name: names[3], Low: 0, High: 0.5},
		{Name: names[4], Int: true, Low: 16, High: 1024, Log: true}, {Name: names[5], Low: -3, High: 3},
	}
	value := plot.Axis{Name: "accuracy", Low: 0, High: 1}
	draws := make([][]plot.Float, n)
	values := make([]plot.Float, n)
	feasible := func(i int) bool { return i%9 != 4 }
	for i := range draws {
		u := []float64{rng.Float64(), rng.Float64(), rng.Float64(), rng.Float64(), rng.Float64(), rng.NormFloat64()}
		narrow := 1 / (1 + 3*float64(i)/float64(n)) // later trials are nearer to the optimum
		u[0] = 0.6 + (u[0]-0.6)*narrow
		draws[i] = []plot.Float{plot.Float(math.Pow(10, -6+5*u[0])), plot.Float(1 + math.Floor(u[1]*12)),
			plot.Float(math.Floor(u[2] * 5)), plot.Float(u[3] / 2), plot.Float(math.Round(math.Pow(2, 4+6*u[4]))), plot.Float(u[5])}
		if i%5 == 0 {
			draws[i][3] = plot.Float(math.NaN())
		}
		good := math.Exp(-6*(u[0]-0.6)*(u[0]-0.6) - 0.3*u[3] - 0.05*math.Abs(u[5]))
		values[i] = plot.Float(0.97 * good * (0.95 + 0.05*rng.Float64()))
	}
	h := plot.HistoryPlot{Value: value, Maximize: true}
	top := plot.Float(math.NaN())
	for i, v := range values {
		if feasible(i) && !(v <= top) {
			top = v
		}
		h.Points = append(h.Points, plot.HistoryPoint{Trial: i, Value: v, Best: top, Feasible: feasible(i)})
	}
	s, par := plot.SlicePlot{Value: value, Maximize: true}, plot.ParallelPlot{Value: value, Maximize: true, Params: axes}
	for k, a := range axes {
		slice := plot.ParamSlice{Param: a}
		for i, v := range values {
			if x := draws[i][k]; finite(float64(x)) {
				slice.Points = append(slice.Points, plot.SlicePoint{Trial: i, X: x, Value: v, Feasible: feasible(i)})
			}
		}
		s.Params = append(s.Params, slice)
	}
	order := make([]int, n)
	for i, v := range values {
		par.Lines = append(par.Lines, plot.ParallelLine{Trial: i, Value: v, X: draws[i], Feasible: feasible(i)})
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return values[order[a]] < values[order[b]] })
	pairs := make([]plot.PairPoint, n)
	for rank, i := range order {
		pairs[i] = plot.PairPoint{Trial: i, X: draws[i][0], Y: draws[i][5], Value: values[i],
			Rank: plot.Float(rank) / plot.Float(max(n-1, 1)), Feasible: feasible(i)}
	}
	c := plot.ContourPlot{X: axes[0], Y: axes[5], Value: value, Maximize: true, Points: pairs}
	for i := range 50 {
		c.GridX = append(c.GridX, plot.Float(math.Pow(10, -6+5*float64(i)/49)))
		c.GridY = append(c.GridY, plot.Float(-3+6*float64(i)/49))
	}
	for j := range c.GridY {
		var row []plot.Float
		for i := range c.GridX {
			u := float64(i) / 49
			z := plot.Float(math.Exp(-6*(u-0.6)*(u-0.6) - 0.05*math.Abs(float64(c.GridY[j]))))
			if i+j < 12 {
				z = plot.Float(math.NaN())
			}
			row = append(row, z)
		}
		c.Surface = append(c.Surface, row)
	}
	imp := plot.ImportancePlot{Method: "PED-ANOVA", Value: "accuracy", Trials: n}
	for i, w := range []float64{0.53, 0.22, 0.13, 0.08, 0.038, 0.002} {
		imp.Params = append(imp.Params, plot.ImportanceBar{Name: names[i], Value: plot.Float(w),
			Low: plot.Float(w * 0.8), High: plot.Float(w * 1.3)})
	}
	inter := plot.IntermediatePlot{Step: "epoch", Value: value, Maximize: true}
	tr := plot.TrainingPlot{}
	tl := plot.TimelinePlot{Lanes: 4, Idle: []plot.Float{0.02, 0.05, 0.1, 0.4}}
	free := make([]time.Duration, 4)
	began := time.Date(2026, 11, 30, 14, 0, 0, 0, time.UTC)
	states := []string{"COMPLETE", "COMPLETE", "PRUNED", "COMPLETE", "FAIL", "COMPLETE", "RUNNING"}
	for i, v := range values {
		state := states[i%len(states)]
		if i < n-4 && state == "RUNNING" {
			state = "PRUNED"
		}
		curve := plot.Curve{Trial: i, State: state, Feasible: true}
		last := 30
		if state == "PRUNED" {
			last = 3 + i%10
		}
		t := plot.TrainingCurve{Trial: i, State: state, Overfitted: i%4 == 1}
		for e := 1; e <= last; e++ {
			curve.Steps = append(curve.Steps, e)
			curve.Values = append(curve.Values, v*plot.Float(1-math.Exp(-float64(e)/6))+plot.Float(0.01*rng.NormFloat64()))
			loss := 0.1 + 2*math.Exp(-float64(e)/5)/float64(v)
			t.Train = append(t.Train, plot.Float(loss))
			if i%4 == 1 {
				loss += 0.02 * float64(e)
			}
			t.Validation = append(t.Validation, plot.Float(loss*1.2+0.05))
		}
		inter.Curves, tr.Curves = append(inter.Curves, curve), append(tr.Curves, t)
		lane := i % 4
		start := free[lane] + time.Duration(rng.IntN(2000))*time.Millisecond
		free[lane] = start + time.Duration(2000+rng.IntN(20000))*time.Millisecond
		tl.Bars = append(tl.Bars, plot.Bar{Trial: i, State: state, Feasible: feasible(i), Lane: lane,
			Start: began.Add(start), End: began.Add(free[lane])})
	}
	edf := plot.EDFPlot{Value: value}
	for i := range 100 {
		edf.X = append(edf.X, plot.Float(i)/99)
	}
	for k := range min(3, n) {
		curve := plot.EDFCurve{Study: fmt.Sprintf("study %d", k)}
		for _, x := range edf.X {
			count := 0
			for i := k; i < n; i += 3 {
				if values[i] <= x {
					count += 3
				}
			}
			curve.Y = append(curve.Y, plot.Float(min(1, float64(count)/float64(n))))
		}
		edf.Curves = append(edf.Curves, curve)
	}
	two := plot.ParetoPlot{Axes: []plot.Axis{value, {Name: "seconds", Low: 1, High: 100}}, Maximize: []bool{true, false}}
	three := plot.ParetoPlot{Axes: append(two.Axes[:2:2], plot.Axis{Name: "memory", Low: 0, High: 1}),
		Maximize: []bool{true, false, false}}
	hv := plot.HypervolumePlot{Reference: []plot.Float{0, 100}}
	least, volume := math.Inf(1), plot.Float(0)
	for _, i := range order {
		seconds := math.Exp(4*float64(values[i])) * (0.4 + rng.Float64())
		least = min(least, seconds)
		front := i%(1+n/12) == 0
		two.Points = append(two.Points, plot.ParetoPoint{Trial: i, Front: front, Feasible: feasible(i),
			Values: []plot.Float{values[i], plot.Float(seconds)}})
		three.Points = append(three.Points, plot.ParetoPoint{Trial: i, Front: front, Feasible: feasible(i),
			Values: []plot.Float{values[i], plot.Float(seconds), plot.Float(rng.Float64())}})
	}
	for i, v := range values {
		volume = max(volume, v*plot.Float(100-least))
		hv.Points = append(hv.Points, plot.HypervolumePoint{Trial: i, Volume: volume})
	}
	return map[string]Figure{
		"history": History(h), "slice": Slice(s), "contour": Contour(c), "parallel": Parallel(par),
		"importances": Importances(imp), "intermediate": Intermediate(inter), "training": Training(tr), "timeline": Timeline(tl),
		"edf": EDF(edf), "rank": Rank(plot.RankPlot{X: c.X, Y: c.Y, Value: value, Maximize: true, Points: pairs}),
		"pareto": Pareto(two), "pareto3": Pareto(three), "hypervolume": Hypervolume(hv),
	}
}

// plainNames and hostileNames are names of six parameters.
var (
	plainNames   = []string{"learning_rate", "layers", "optimizer", "dropout", "batch_size", "x"}
	hostileNames = []string{`<script>alert("1")</script>`,
		"a very long name that goes on and on and on, as those of configuration files do",
		"日本語のパラメータ", "שלום עולם", "tab\tnew\nline\x00\x1b[31mred",
		"a\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308b&]]>"}
)
