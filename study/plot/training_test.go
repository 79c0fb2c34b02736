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
		`[[2, NaN], [null, 1], [-Infinity, Infinity]]`,
		`[]`, `null`, `"no losses"`, `[1, 2]`, `[[1]]`, `[[1, 2, 3]]`, `[[1, "a"]]`, `{"a": [1, 2]}`, `[[1, 2], []]`, ``,
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
