package optuna

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
	"github.com/bluefin-hpo/bluefin/storage"
)

// Register adds the service for a storage to g. Errors of the storage that are no fault of a client
// go to the log.
func Register(g grpc.ServiceRegistrar, s storage.Viewer, log *slog.Logger) {
	pb.RegisterStorageServiceServer(g, &server{storage: s, log: log})
}

// A server answers the calls. Its caches hold facts that never change, and histories, which follow
// the storage, so any number of servers and other programs may share one.
type server struct {
	pb.UnimplementedStorageServiceServer
	storage   storage.Viewer
	log       *slog.Logger
	names     sync.Map // of studies, string by int64
	places    places
	histories histories
}

// A place is where a trial is.
type place struct {
	study  int64
	number int
}

// places caches the trials that IDs belong to.
type places struct {
	mu   sync.RWMutex
	byID map[int64]place
}

// mostPlaces bounds the cache to some 50 MB.
const mostPlaces = 1 << 20

// place returns the trial with the ID, or fails with ErrNotExist. A deleted trial may still have a
// place; reading or writing it fails then.
func (s *server) place(ctx context.Context, id int64) (place, error) {
	s.places.mu.RLock()
	p, ok := s.places.byID[id]
	s.places.mu.RUnlock()
	if ok {
		return p, nil
	}
	study, number, err := s.storage.TrialByID(ctx, id)
	if err != nil {
		return place{}, err
	}
	p = place{study, number}
	s.places.add(id, p)
	return p, nil
}

func (c *places) add(id int64, p place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || len(c.byID) >= mostPlaces {
		c.byID = map[int64]place{}
	}
	c.byID[id] = p
}

// fail returns an error with the status code by which Optuna's client chooses an exception: KeyError,
// DuplicatedStudyError, UpdateFinishedTrialError, ValueError.
func (s *server) fail(ctx context.Context, err error) error {
	code := codes.Internal
	switch {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrNotExist):
		code = codes.NotFound
	case errors.Is(err, storage.ErrExist):
		code = codes.AlreadyExists
	case errors.Is(err, storage.ErrFinished):
		code = codes.FailedPrecondition
	case errors.Is(err, storage.ErrInvalid):
		code = codes.InvalidArgument
	case errors.Is(err, storage.ErrReadOnly):
		code = codes.PermissionDenied
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	default:
		method, _ := grpc.Method(ctx)
		s.log.ErrorContext(ctx, "a call of an Optuna client failed", "method", method, "err", err)
	}
	return status.Error(code, err.Error())
}

// invalid returns an error that matches ErrInvalid.
func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", storage.ErrInvalid, fmt.Errorf(format, args...))
}
