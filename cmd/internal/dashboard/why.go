package dashboard

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bluefin-hpo/bluefin/cmd/internal/earlier"
	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/internal/sysattr"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// whyWithin is how long a page waits for what the sampler knew.
const whyWithin = 500 * time.Millisecond

// A why is what a sampler knew when a trial started.
type why struct {
	sampler.Explanation
	Seen    int      // trials that had finished
	Queued  []string // parameters that somebody queued
	Only    []string // parameters with one possible value
	Drawn   []string // those that the sampler draws again the same
	Other   []string // those that it does not: another sampler, seed or program drew them
	Problem string   // why there is no explanation
}

// A frozenStorage shows a snapshot to package study, which needs nothing else of a storage to explain.
type frozenStorage struct {
	storage.Storage
	now *snapshot
}

// Load implements storage.Storage.
func (f frozenStorage) Load(context.Context, string) (storage.Study, error) { return f.now.study, nil }

// Since implements storage.Storage.
func (f frozenStorage) Since(_ context.Context, _, revision int64, _ ...string) (storage.Changes, error) {
	c := storage.Changes{Revision: 1}
	if revision == 0 {
		c.Trials = append(c.Trials, f.now.history.Finished()...)
		for _, t := range f.now.trials {
			if !t.State.Finished() {
				c.Trials = append(c.Trials, t)
			}
		}
	}
	return c, nil
}

// why explains a trial. A large study may take longer than a page should: then the page says so, and
// finds the answer when it is loaded again.
func (s *Server) why(ctx context.Context, now *snapshot, t *trial.Trial) *why {
	if now.loading() {
		return &why{Seen: t.Seen, Problem: "The study is still being loaded."}
	}
	kept := s.whys.of(whyKey{now.study.ID, t.Number, len(t.Params), t.Start.UnixNano()}, func() *why { return s.explain(now, t) })
	select {
	case <-kept.done:
		return kept.why
	case <-ctx.Done():
	case <-time.After(whyWithin):
	}
	return &why{Seen: t.Seen, Problem: "The sampler is still being asked. Load this page again in a moment."}
}

// explain asks a new sampler, so nothing is shared with the search beside it.
func (s *Server) explain(now *snapshot, t *trial.Trial) *why {
	w := &why{Seen: t.Seen}
	cfg, err := s.cfg.Engine(now.study.Name, now.outline().Trials)
	if err == nil {
		cfg.Sampler, err = earlier.Taught(now.study, cfg.Sampler)
	}
	if err != nil {
		w.Problem = sentence(err) + "."
		return w
	}
	cfg.Name, cfg.Directions, cfg.Storage, cfg.Logger = now.study.Name, nil, frozenStorage{now: now}, s.cfg.Logger
	// It does not depend on who looks, and is kept.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	st, err := study.Load(ctx, cfg)
	if err != nil {
		w.Problem = sentence(err) + "."
		return w
	}
	w.origins(ctx, st, t)
	if w.Explanation, err = st.Explain(ctx, t.Number); errors.Is(err, errors.ErrUnsupported) {
		w.Problem = "The sampler learns nothing from trials."
	} else if err != nil {
		w.Problem = sentence(err) + "."
	}
	return w
}

// origins says where the values of the parameters come from.
func (w *why) origins(ctx context.Context, st *study.Study, t *trial.Trial) {
	queued := map[string]any{}
	if v, err := pyjson.Unmarshal(t.SystemAttrs[sysattr.FixedParams]); err == nil {
		queued, _ = v.(map[string]any)
	}
	again, err := st.Replay(ctx, t.Number)
	for i, p := range t.Params {
		_, fixed := queued[p.Name]
		switch {
		case fixed:
			w.Queued = append(w.Queued, p.Name)
		case p.Dist.Len() == 1:
			w.Only = append(w.Only, p.Name)
		case err == nil && i < len(again) && again[i].Value == p.Value: // a sampler that cannot draw it did not
			w.Drawn = append(w.Drawn, p.Name)
		default:
			w.Other = append(w.Other, p.Name)
		}
	}
}

// Certain reports whether this sampler drew the trial.
func (w *why) Certain() bool { return len(w.Drawn) > 0 && len(w.Other) == 0 }

// Region describes what a sampler believes about a parameter.
func region(b sampler.Belief) string {
	switch {
	case b.Low != nil:
		return fmt.Sprintf("%s to %s", show(b.Low), show(b.High))
	case b.Choices != nil:
		var chances []string
		for _, p := range b.Choices {
			chances = append(chances, fmt.Sprintf("%.2g", p))
		}
		return "chances " + strings.Join(chances, ", ")
	}
	return ""
}
