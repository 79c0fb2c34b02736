package study

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study/schedule"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Config describes a study and how it is searched. The zero value minimizes with TPE, prunes
// nothing and keeps the study in memory. Name and Directions are part of the stored study; the
// other settings belong to this program and are not saved.
type Config struct {
	Name       string             // 1 to 512 bytes; "" in memory: "study"
	Directions []trial.Direction  // of each objective; nil: as stored, or Minimize
	Sampler    sampler.Sampler    // nil: &sampler.TPE{}
	Pruner     pruner.Pruner      // nil: no trial is pruned
	Scheduler  schedule.Scheduler // nil: each trial runs to its end before the next one starts
	Storage    storage.Storage    // nil: in memory
	Seed       uint64             // of all draws: the same seed and trials give the same draws

	// Space declares the parameters, in any order. Open and Load check them, and suggesting
	// anything else is an error. nil: the objective declares its parameters by suggesting them.
	// Their beliefs are stored with the study; others are those stored before.
	Space space.Space

	// IgnoreBeliefs draws as if nothing were believed about any parameter. Stored beliefs stay.
	IgnoreBeliefs bool

	// Lease is how long a worker may be silent before another one restarts its trial. A live worker
	// renews it three times in that time. If the worker's process ran on the same machine and has
	// ended, its trial is restarted at once. 0: one minute.
	Lease time.Duration

	// Orphans decides what happens to a trial whose worker is gone. The zero value restarts it
	// under its number, from its last checkpoint.
	Orphans storage.Orphans

	// KeepCheckpoints keeps the last checkpoint of a trial when the trial ends.
	KeepCheckpoints bool

	// Logger receives what a user might not expect: a queued parameter that the objective does not
	// suggest, a step reported twice, a wait for other workers. nil: slog.Default().
	Logger *slog.Logger

	// These hooks run after the event was saved, one at a time, for the trials of this Study. When
	// a trial starts its parameters are not drawn yet; a failed one has no value. Hooks may call
	// methods of the Study, such as Stop and Best, but must not start or end a trial or modify the
	// records. Panics are not recovered, except in OnReport under Optimize, where the trial fails.
	OnTrialStart func(t *trial.Trial)
	OnReport     func(t *trial.Trial, r trial.Report)
	OnTrialPause func(t *trial.Trial)
	OnTrialEnd   func(t *trial.Trial)
}

func (cfg Config) withDefaults() (_ Config, err error) {
	if cfg.Storage == nil {
		cfg.Storage = &storage.Memory{}
		if cfg.Name == "" {
			cfg.Name = "study"
		}
	}
	if cfg.Sampler == nil {
		cfg.Sampler = &sampler.TPE{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if _, ok := cfg.Pruner.(pruner.BracketPruner); ok && cfg.Scheduler != nil {
		return cfg, fmt.Errorf("Config.Pruner is a %T, which splits trials into brackets, and there is a Config.Scheduler: "+
			"want one of them", cfg.Pruner)
	}
	if cfg.Lease <= 0 {
		cfg.Lease = time.Minute
	}
	if cfg.Space != nil {
		if cfg.Space, err = space.New(cfg.Space...); err != nil { // which sorts it, too
			return cfg, fmt.Errorf("Config.Space: %w", err)
		}
	}
	return cfg, nil
}

// hook calls f unless it is nil, one call at a time.
func (s *Study) hook(f func(t *trial.Trial), t *trial.Trial) {
	if f != nil {
		s.hooks.Lock()
		defer s.hooks.Unlock()
		f(t)
	}
}
