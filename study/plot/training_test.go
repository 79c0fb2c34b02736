package plot_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestOverfitting(t *testing.T) {
	nan, inf := plot.Float(math.NaN()), plot.Float(math.Inf(1))
	for name, c := range map[string]struct {
		train, validation []plot.Float
		over              bool
	}{
		"both fall":                             {[]plot.Float{2, 1}, []plot.Float{2.5, 1.5}, false},
		"validation rises while training falls": {[]plot.Float{2, 1, 0.5}, []plot.Float{2, 1.25, 1.5}, true},
		"validation rises a little":             {[]plot.Float{1, 0.5}, []plot.Float{1.25, 1.3}, false},
		"both rise: too large steps":            {[]plot.Float{1, 2}, []plot.Float{1.25, 3}, false},
		"one epoch":                             {[]plot.Float{1}, []plot.Float{1.25}, false},
		"no epoch":                              {nil, nil, false},
		"validation diverges":                   {[]plot.Float{2, 1}, []plot.Float{2, inf}, true},
		"validation is unknown at the end":      {[]plot.Float{2, 1}, []plot.Float{1, nan}, false},
		"validation is unknown at first":        {[]plot.Float{3, 2, 1}, []plot.Float{nan, 1, 2}, true},
		"validation is never known":             {[]plot.Float{3, 2}, []plot.Float{nan, nan}, false},
	} {
		if got := plot.Overfitted(c.train, c.validation); got != c.over {
			t.Errorf("%s: over-fitted: %t, want %t", name, got, c.over)
		}
	}
}

func TestTrainingReadsLossByEpoch(t *testing.T) {
	var trials []*trial.Trial
	for i, text := range []string{
		`[[2, 2], [1, 1.25], [0.5, 1.5]]`, // over-fitted
		" [ [2,NaN],[null , 1e0],\n[-Infinity, Infinity] ]\t",
		`[]`, `null`, `"no losses"`, `[1, 2]`, `[[1]]`, `[[1, 2, 3]]`, `[[1, "a"]]`, `{"a": [1, 2]}`, `[[1, 2], []]`, ``,
		`[[1, 2]`, `[[1, 2],]`, `[[1, 2]] x`, `[[1, 2] [3, 4]]`, `[[, 2]]`, `[`, `[[`, `[[1`, `[[1,`, `[[1,2`,
	} {
		u := &trial.Trial{Number: i, State: trial.Failed, UserAttrs: map[string]json.RawMessage{"loss_by_epoch": json.RawMessage(text)}}
		trials = append(trials, u)
	}
	trials[1].State = trial.Running
	trials = append(trials, &trial.Trial{Number: len(trials), State: trial.Pruned})
	const want = `{"curves":[{"trial":0,"state":"FAIL","train":[2,1,0.5],"validation":[2,1.25,1.5],"overfitted":true},` +
		`{"trial":1,"state":"RUNNING","train":[2,null,null],"validation":[null,1,null],"overfitted":false}]}`
	if text, err := json.Marshal(plot.Training(historyOf(minimize, trials...))); err != nil || string(text) != want {
		t.Errorf("%s, want %s (%v)", text, want, err)
	}
}

func FuzzLossByEpochIsWhatJSONReads(f *testing.F) {
	for _, s := range []string{`[[1, 2], [0.5, -1e3]]`, `[]`, `[[null, 1]]`, `[[1, 2]`, `[[1, "a"]]`, ` [ [ 1 , 2 ] ] `} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want [][]plot.Float
		err := json.Unmarshal([]byte(text), &want)
		u := &trial.Trial{Number: 0, State: trial.Pruned, UserAttrs: map[string]json.RawMessage{"loss_by_epoch": json.RawMessage(text)}}
		p := plot.Training(historyOf(minimize, u))
		for _, pair := range want {
			if len(pair) != 2 {
				return
			}
		}
		if err != nil || len(want) == 0 {
			return // we are no stricter than we must
		}
		if len(p.Curves) != 1 || len(p.Curves[0].Train) != len(want) {
			t.Fatalf("%q has %v, want %v", text, p.Curves, want)
		}
		for i, pair := range want {
			for k, x := range []plot.Float{p.Curves[0].Train[i], p.Curves[0].Validation[i]} {
				if x != pair[k] && (x == x || pair[k] == pair[k]) {
					t.Fatalf("%q: %v, want %v", text, x, pair[k])
				}
			}
		}
	})
}
