package study

import (
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/trial"
)

// noteInfeasible logs it, once, when a sampler learns for the first time what cannot run.
func (s *Study) noteInfeasible(h trial.History) {
	cannot := h.Infeasible()
	if len(cannot) == 0 || s.avoids.Load() {
		return
	}
	switch s.cfg.Sampler.(type) {
	case *sampler.Auto, *sampler.GP, *sampler.TPE:
		if !s.avoids.Swap(true) {
			s.cfg.Logger.Info("parameters that could not run are avoided from now on, with those like them",
				"trial", cannot[0].Number, "reason", cannot[0].Failure())
		}
	}
}
