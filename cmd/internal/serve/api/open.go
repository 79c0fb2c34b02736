package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/cmd/internal/studyfile"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
)

// keptOpen is how many studies stay open. Each holds its history in memory.
const keptOpen = 64

// An opened study runs samplers, pruners and schedulers for its clients, all of which share it.
type opened struct {
	*study.Study
	record storage.Study
	plan   *studyfile.File
	used   time.Time
}

// load returns the record of the study in the path.
func (a *API) load(r *http.Request) (storage.Study, error) {
	return a.named(r.Context(), r.PathValue("name"))
}

func (a *API) named(ctx context.Context, name string) (storage.Study, error) {
	if err := storage.CheckName("study name", name); err != nil {
		return storage.Study{}, invalid("name", err)
	}
	return a.cfg.Storage.Load(ctx, name)
}

// open returns the study in the path.
func (a *API) open(r *http.Request) (*opened, error) {
	record, err := a.load(r)
	if err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, ok := a.studies[record.ID]; ok && settings(s.record) == settings(record) {
		s.used = time.Now()
		return s, nil
	}
	s := &opened{record: record, used: time.Now()}
	if s.plan, err = planOf(record); err != nil {
		return nil, err
	}
	cfg := study.Config{Name: record.Name, Storage: a.cfg.Storage, Lease: a.cfg.Lease,
		Logger: slog.New(slog.DiscardHandler)} // its notes, such as of a step reported twice, are about clients
	if cfg.Sampler, cfg.Seed, err = a.samplerOf(record, s.plan); err != nil {
		return nil, fmt.Errorf("study %q: %w", record.Name, err)
	}
	if cfg.Pruner, err = prunerOf(s.plan, record); err != nil {
		return nil, err
	}
	if cfg.Scheduler, err = schedulerOf(s.plan); err != nil {
		return nil, fmt.Errorf("study %q: %w", record.Name, err)
	}
	if s.Study, err = study.Load(r.Context(), cfg); err != nil {
		return nil, err
	}
	a.studies[record.ID] = s
	if len(a.studies) > keptOpen {
		oldest := s
		for _, other := range a.studies {
			if other.used.Before(oldest.used) {
				oldest = other
			}
		}
		delete(a.studies, oldest.record.ID) // requests that have it may finish
	}
	return s, nil
}

// settings are what decides how a study is searched: another text needs another study.Study.
func settings(record storage.Study) string {
	return string(record.SystemAttrs[sysattr.Plan]) + "\n" + string(record.UserAttrs[choose.PrunerKey]) + "\n" +
		string(record.SystemAttrs[sysattr.Earlier])
}

// space returns the parameters that ask draws if it does not say them itself: those of the plan, else those
// that every complete and pruned trial has, else those of the last trial that has any.
func (s *opened) space(ctx context.Context) (searchspace.Space, error) {
	if len(s.plan.Space.Params) > 0 {
		return s.plan.Space, nil
	}
	h, err := s.History(ctx)
	if err != nil {
		return searchspace.Space{}, err
	}
	dims := h.RankedSpace()
	if len(dims) == 0 {
		others := append(h.Finished(), h.Running()...)
		for i := len(others) - 1; i >= 0 && len(dims) == 0; i-- {
			dims = others[i].Space()
		}
	}
	return searchspace.Of(dims), nil
}
