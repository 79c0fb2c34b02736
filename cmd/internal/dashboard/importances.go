package dashboard

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

// importances keep how much parameters matter from one snapshot of a study to the next: they are made
// from a hundred resamples of all trials, and one trial more of many changes little.
type importances struct {
	mu    sync.Mutex
	byKey map[string]*keptImportances
}

// A keptImportances is replaced when there are other trials.
type keptImportances struct {
	mu     sync.Mutex
	trials string    // it was made from: how many, and the last one, since finished trials do not change
	until  time.Time // it is kept, if the study is still running
	plot   plot.ImportancePlot
	err    error
}

// of returns the entry of a key.
func (k *importances) of(key string) *keptImportances {
	k.mu.Lock()
	defer k.mu.Unlock()
	one := k.byKey[key]
	if one == nil {
		if len(k.byKey) == 50 || k.byKey == nil { // a script may ask for any number of filters
			k.byKey = map[string]*keptImportances{}
		}
		one = &keptImportances{}
		k.byKey[key] = one
	}
	return one
}

// importances are those of all trials that the filter leaves. While the study runs they take at most a
// tenth of the time, so the last trials may be missing.
func (r plotRequest) importances(all trial.History) (plot.ImportancePlot, error) {
	list, first, last := all.Finished(), "", "" // the first one tells studies of the same ID and name apart
	if n := len(list); n > 0 {
		first, last = fmt.Sprint(list[0].Number, list[0].End), fmt.Sprint(n, list[n-1].Number, list[n-1].End)
	}
	one := r.now.importances.of(fmt.Sprintf("%q %q %q %d %q %q", r.now.study.Name, first, r.query,
		r.config.Objective, r.config.Names, r.config.Params))
	one.mu.Lock()
	defer one.mu.Unlock()
	running := len(r.now.history.Running()) > 0
	if one.trials == last && last != "" || running && time.Now().Before(one.until) {
		return one.plot, one.err
	}
	began := time.Now()
	one.plot, one.err = plot.Importances(all, r.config, importance.PEDANOVA{})
	one.trials, one.until = last, time.Now().Add(9*time.Since(began))
	if r.now.total > 0 {
		one.until = time.Time{} // many more follow at once
	}
	return one.plot, one.err
}

// pair adds the two parameters of contour and rank that matter most among all trials, if none are
// chosen and the trials that are shown have them.
func (r plotRequest) pair(all, shown trial.History) plot.Config {
	if r.config.Params != nil {
		return r.config
	}
	p, err := r.importances(all)
	if err != nil || len(p.Params) < 2 {
		return r.config // the plot finds two, or says why there are none
	}
	for _, bar := range p.Params[:2] {
		if !slices.ContainsFunc(shown.Finished(), func(t *trial.Trial) bool { _, ok := t.Param(bar.Name); return ok }) {
			return r.config
		}
	}
	r.config.Params = []string{p.Params[0].Name, p.Params[1].Name}
	return r.config
}
