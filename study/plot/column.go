package plot

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A column is one parameter of some trials.
type column struct {
	axis Axis
	x    []Float // along the axis, one per trial; NaN if it does not have the parameter
}

// columns returns the parameters that c asks for, over the trials that are shown.
func (c Config) columns(h trial.History, shown []*trial.Trial) ([]column, error) {
	names, err := c.params(h, shown)
	if err != nil {
		return nil, err
	}
	all, list := everything(h), make([]column, len(names))
	for i, name := range names {
		list[i] = newColumn(name, all, shown)
	}
	return list, nil
}

// newColumn returns one parameter of the trials that are shown. All trials decide about the axis.
//
// A range may have changed during a study, and choices may have been appended: the axis holds
// everything. Whether it is logarithmic is decided by the first trial, as in Optuna, unless a later
// range includes 0. Choices that are numbers are sorted; others stay in the order of their first
// trial. If a parameter was a number in some trials and categorical in others, which only a file of
// another program can hold, each number is a choice behind the real ones.
func newColumn(name string, all, shown []*trial.Trial) column {
	axis, choices, numbers := Axis{Name: name}, []any(nil), false
	low, high := math.Inf(1), math.Inf(-1)
	position := map[any]int{} // of each choice
	add := func(choice any) {
		if _, ok := position[key(choice)]; !ok {
			position[key(choice)] = len(choices)
			choices = append(choices, choice)
		}
	}
	widen := func(x, a, b float64, log, whole bool) {
		if !numbers {
			axis.Log, axis.Int, numbers = log, whole, true
		}
		axis.Int = axis.Int && whole
		low, high = min(low, a, x), max(high, b, x)
	}
	var last []any
	eachParam(name, all, func(_ int, p trial.Param) {
		switch d := p.Dist.(type) {
		case space.Float:
			widen(p.Value, d.Low, d.High, d.Log, false)
		case space.Int:
			widen(p.Value, float64(d.Low), float64(d.High), d.Log, true)
		case space.Categorical:
			if len(last) == len(d.Choices) && len(last) > 0 && &last[0] == &d.Choices[0] {
				return // the usual case
			}
			last = d.Choices
			for _, choice := range d.Choices {
				add(choice)
			}
		}
	})
	axis.Log = axis.Log && low > 0
	axis.Low, axis.High = Float(low), Float(high)
	if low > high {
		axis.Low, axis.High = Float(math.NaN()), Float(math.NaN())
	}
	if len(choices) > 0 {
		if numbers {
			for _, x := range numbersOf(name, all) {
				add(x)
			}
		}
		if !slices.ContainsFunc(choices, func(c any) bool { return !isNumber(c) }) {
			slices.SortStableFunc(choices, func(a, b any) int { return cmp.Compare(number(a), number(b)) })
			for i, choice := range choices {
				position[key(choice)] = i
			}
		}
		axis = Axis{Name: name, Choices: labels(choices), Low: 0, High: Float(len(choices) - 1)}
	}

	x := make([]Float, len(shown))
	for i := range x {
		x[i] = Float(math.NaN())
	}
	eachParam(name, shown, func(i int, p trial.Param) {
		if len(choices) == 0 {
			x[i] = Float(p.Value)
		} else if p.Dist.Contains(p.Value) { // a damaged file may hold any index
			x[i] = Float(position[key(p.External())])
		}
	})
	return column{axis, x}
}

// eachParam calls do with the parameter of each trial that has it.
func eachParam(name string, trials []*trial.Trial, do func(i int, p trial.Param)) {
	at := 0 // most trials have it at the same place as the one before
	for i, t := range trials {
		if at >= len(t.Params) || t.Params[at].Name != name {
			at = max(0, slices.IndexFunc(t.Params, func(p trial.Param) bool { return p.Name == name }))
		}
		if at < len(t.Params) && t.Params[at].Name == name {
			do(i, t.Params[at])
		}
	}
}

// numbersOf returns the values of a parameter in the trials in which it is no categorical, sorted.
func numbersOf(name string, trials []*trial.Trial) []any {
	var list []any
	eachParam(name, trials, func(_ int, p trial.Param) {
		if _, ok := p.Dist.(space.Categorical); !ok && p.Dist.Contains(p.Value) {
			list = append(list, p.External())
		}
	})
	slices.SortFunc(list, func(a, b any) int { return cmp.Compare(number(a), number(b)) })
	return list
}

// key returns a choice as the key of a map, in which NaN equals itself.
func key(choice any) any {
	if x, ok := choice.(float64); ok && math.IsNaN(x) {
		return "\x00NaN"
	}
	return choice
}

func isNumber(choice any) bool {
	switch choice.(type) {
	case int, float64:
		return true
	}
	return false
}

func number(choice any) float64 {
	if i, ok := choice.(int); ok {
		return float64(i)
	}
	x, _ := choice.(float64)
	return x
}

// labels returns the text of each choice: a string is itself. If two have the same text, as 1 and
// "1", all become JSON, in which they differ.
func labels(choices []any) []string {
	list, seen := make([]string, len(choices)), make(map[string]bool, len(choices))
	for i, choice := range choices {
		switch choice := choice.(type) {
		case nil:
			list[i] = "null"
		case float64:
			list[i] = pyjson.Float(choice)
		default:
			list[i] = fmt.Sprint(choice)
		}
		seen[list[i]] = true
	}
	if len(seen) == len(choices) {
		return list
	}
	for i, choice := range choices {
		if text, err := pyjson.Marshal(choice); err == nil {
			list[i] = string(text)
		}
	}
	return list
}
