package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bluefin-hpo/bluefin/cmd/internal/choose"
	"github.com/bluefin-hpo/bluefin/cmd/internal/earlier"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An mcpAgent answers the tools that an agent calls, perhaps several at the same time.
type mcpAgent struct {
	db       storage.Viewer
	con      console // for messages: its output belongs to the protocol
	only     string  // the one study to serve, "" for all
	sampler  samplerFlags
	space    []space.Dimension // of --search-space
	lease    time.Duration
	readOnly bool
	server   *mcp.Server

	mu      sync.Mutex // guards the following
	studies map[mcpStudyKey]*mcpStudy
	owners  map[mcpTrialKey]string // of the leases of this session

	showing sync.Mutex // guards the following
	shown   string     // the schema of enqueue
}

// An mcpStudyKey identifies an open study. Another pruner needs another study.Study.
type mcpStudyKey struct {
	id     int64
	pruner string
}

// An mcpTrialKey identifies a trial.
type mcpTrialKey struct {
	study  int64
	number int
}

// An mcpStudy is an open study.
type mcpStudy struct {
	*study.Study
	id int64
}

// instructions tell an agent how the tools belong together.
func (a *mcpAgent) instructions() string {
	text := "Bluefin searches for hyperparameters. Call study first: it shows the search space, the best trial and " +
		"what the sampler knows. "
	if a.readOnly {
		return text + "This server only reads."
	}
	return text + "Then repeat: ask for a trial, run it with exactly the parameters of the answer, report intermediate " +
		"values if there are any (stop the run if the answer says prune), and tell the result. The sampler draws better " +
		"points than guesses do; enqueue a point of your own only for a reason that the sampler cannot know, and look at " +
		"its rating first. why explains how a trial was drawn, importances which parameters matter."
}

// open returns the study of a name. "" is the one that the server serves, or the only one.
func (a *mcpAgent) open(ctx context.Context, name string) (*mcpStudy, error) {
	record, err := a.find(ctx, name)
	if err != nil {
		return nil, err
	}
	key := mcpStudyKey{record.ID, string(record.UserAttrs[choose.PrunerKey])}
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, ok := a.studies[key]; ok {
		return s, nil
	}
	sampler, seed, err := a.sampler.sampler(0)
	if err == nil {
		sampler, err = earlier.Taught(record, sampler)
	}
	if err != nil {
		return nil, err
	}
	pruner, err := choose.StudyPruner(record)
	if err != nil {
		return nil, err
	}
	s, err := study.Load(ctx, study.Config{Name: record.Name, Storage: a.db, Sampler: sampler, Pruner: pruner,
		Seed: seed, Logger: a.con.logger()})
	if err != nil {
		return nil, err
	}
	a.studies[key] = &mcpStudy{s, record.ID}
	return a.studies[key], nil
}

// find returns the record of a study.
func (a *mcpAgent) find(ctx context.Context, name string) (storage.Study, error) {
	switch {
	case a.only != "" && name != "" && name != a.only:
		return storage.Study{}, fmt.Errorf("study is %q, and this server serves only %q", name, a.only)
	case a.only != "":
		name = a.only
	case name == "":
		all, err := a.db.Studies(ctx)
		switch {
		case err != nil:
			return storage.Study{}, err
		case len(all) == 1:
			return all[0], nil
		case len(all) == 0 && a.readOnly:
			return storage.Study{}, errors.New("there is no study")
		case len(all) == 0:
			return storage.Study{}, errors.New("there is no study, call create_study first")
		}
		return storage.Study{}, fmt.Errorf("study is missing, want one of %s", listed(studyNames(all)))
	}
	record, err := a.db.Load(ctx, name)
	if err != nil {
		return record, suggestStudy(ctx, a.db, name, err)
	}
	return record, nil
}

// studyNames quotes the names of studies.
func studyNames(all []storage.Study) []string {
	var names []string
	for _, s := range all {
		names = append(names, strconv.Quote(s.Name))
	}
	return names
}

// spaceOf returns the parameters to draw: those that every complete and pruned trial has, else those
// of --search-space, else those of the last trial that has any. partial reports that some trials
// have others too.
func (a *mcpAgent) spaceOf(ctx context.Context, s *mcpStudy) (dims []space.Dimension, partial bool, err error) {
	if a.space != nil {
		return a.space, false, nil
	}
	h, err := s.History(ctx)
	if err != nil {
		return nil, false, err
	}
	dims = h.RankedSpace()
	others := slices.Concat(h.Finished(), h.Running())
	if len(dims) == 0 {
		for _, t := range slices.Backward(others) {
			if len(t.Params) > 0 {
				dims = t.Space()
				break
			}
		}
	}
	return dims, slices.ContainsFunc(others, func(t *trial.Trial) bool { return len(t.Params) > len(dims) }), nil
}

// owner returns the name of the lease of a trial, "" if this session did not ask for it.
func (a *mcpAgent) owner(s *mcpStudy, number int) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.owners[mcpTrialKey{s.id, number}]
}
