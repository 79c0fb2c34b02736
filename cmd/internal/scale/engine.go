package scale

import (
	"context"
	"errors"
	"strings"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/postgres"
	"github.com/bluefin-hpo/bluefin/storage/remote"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

// An engine is a client with an engine of its own: it reads the history and draws itself.
type engine struct {
	storage storage.Storage
	study   *study.Study
	trial   *study.Trial
}

// openStorage opens what an engine works on.
func openStorage(ctx context.Context, address string) (storage.Viewer, error) {
	switch scheme, _, _ := strings.Cut(address, ":"); scheme {
	case "postgresql":
		return postgres.Open(ctx, address, postgres.Options{})
	case "http":
		return remote.Open(ctx, address, remote.Options{})
	}
	return sqlite.Open(ctx, address, sqlite.Options{})
}

func newEngine(ctx context.Context, address, samplerName string, seed int) (client, error) {
	s, err := openStorage(ctx, address)
	if err != nil {
		return nil, err
	}
	var draws sampler.Sampler = sampler.Random{}
	if samplerName == "tpe" {
		draws = &sampler.TPE{}
	}
	st, err := study.Open(ctx, study.Config{Name: Study, Storage: s, Sampler: draws, Seed: uint64(seed)})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &engine{storage: s, study: st}, nil
}

func (e *engine) ask(ctx context.Context) (number int, x float64, err error) {
	if e.trial, err = e.study.Ask(ctx); err != nil {
		return 0, 0, err
	}
	x = e.trial.Float("x", 0, 1)
	e.trial.LogFloat("lr", 1e-5, 1)
	e.trial.Int("layers", 1, 8)
	return e.trial.Number(), x, e.trial.Err()
}

func (e *engine) report(_ context.Context, step int, value float64) (prune bool, err error) {
	err = e.trial.Report(step, value)
	if errors.Is(err, study.ErrPruned) {
		return true, nil
	}
	return false, err
}

func (e *engine) tell(ctx context.Context, value float64) error {
	_, err := e.study.Tell(ctx, e.trial, value)
	return err
}

func (e *engine) close() error { return e.storage.Close() }
