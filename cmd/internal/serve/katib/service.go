// Package katib is a suggestion service of Katib: our samplers in the operator that Kubeflow has. Each
// request brings the whole history of its experiment, so the service keeps nothing, and the same request
// gets the same answer.
package katib

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/katib/pb"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Register adds the service to a server.
func Register(g *grpc.Server) { pb.RegisterSuggestionServer(g, service{}) }

type service struct {
	pb.UnimplementedSuggestionServer
}

// mostSuggestions bounds the time of one request. Katib asks for as many as may run at once.
const mostSuggestions = 1000

// mostModeled bounds the trials of a Gaussian process, whose time grows with the cube of their number.
const mostModeled = 1000

// ValidateAlgorithmSettings implements pb.SuggestionServer.
func (service) ValidateAlgorithmSettings(
	_ context.Context, r *pb.ValidateAlgorithmSettingsRequest,
) (*pb.ValidateAlgorithmSettingsReply, error) {
	x, err := parse(r.GetExperiment())
	if err == nil {
		err = x.checkGrid(int(r.GetExperiment().GetSpec().GetMaxTrialCount()))
	}
	if err != nil {
		return nil, invalid(err)
	}
	return &pb.ValidateAlgorithmSettingsReply{}, nil
}

// GetSuggestions implements pb.SuggestionServer. Trials that run count as running, so suggestions differ.
func (service) GetSuggestions(ctx context.Context, r *pb.GetSuggestionsRequest) (*pb.GetSuggestionsReply, error) {
	n := int(r.GetCurrentRequestNumber())
	if n < 0 || n > mostSuggestions {
		return nil, status.Errorf(codes.InvalidArgument, "current request number is %d, want 0 to %d", n, mostSuggestions)
	}
	x, err := parse(r.GetExperiment())
	if err != nil {
		return nil, invalid(err)
	}
	p, err := x.history(r.GetTrials(), int(r.GetTotalRequestNumber())-n)
	if err != nil {
		return nil, invalid(err)
	}
	if (x.algorithm == "gp" || x.algorithm == "bayesianoptimization") && p.finished > mostModeled {
		return nil, status.Errorf(codes.InvalidArgument, "algorithm %s: %d trials have finished, want at most %d; "+
			"auto takes more", x.algorithm, p.finished, mostModeled)
	}
	s, err := x.study(ctx, p)
	if err != nil {
		return nil, failed(err)
	}
	reply := &pb.GetSuggestionsReply{}
	for range n {
		t, err := s.AskDetached(ctx, study.Detached{Params: x.dims(), Lease: storage.Lease{Duration: lease}})
		if err != nil {
			return nil, failed(err)
		}
		a := &pb.GetSuggestionsReply_ParameterAssignments{Labels: map[string]string{
			numberLabel: strconv.Itoa(t.Number), seenLabel: strconv.Itoa(p.finished)}}
		for i, drawn := range t.Params {
			a.Assignments = append(a.Assignments,
				&pb.ParameterAssignment{Name: drawn.Name, Value: x.params[i].text(drawn.Value)})
		}
		reply.ParameterAssignments = append(reply.ParameterAssignments, a)
	}
	return reply, nil
}

// lease is longer than a request.
const lease = 24 * time.Hour

// study returns a study in memory with the history of the experiment.
func (x *experiment) study(ctx context.Context, p past) (*study.Study, error) {
	const name = "katib"
	memory := &storage.Memory{}
	directions := []trial.Direction{x.direction}
	record, err := memory.Import(ctx, storage.Snapshot{
		Study: storage.Study{Name: name, Directions: directions}, Trials: p.trials})
	if err != nil {
		return nil, err
	}
	// Import has queued the running trials; they are the only ones.
	for _, t := range p.trials {
		if t.State == trial.Running {
			c := storage.Claim{Lease: storage.Lease{Owner: strconv.Itoa(t.Number), Duration: lease}, Seen: t.Seen}
			if _, err := memory.Begin(ctx, record.ID, c); err != nil {
				return nil, err
			}
		}
	}
	return study.Load(ctx, study.Config{Name: name, Directions: directions, Storage: memory,
		Sampler: x.sampler, Seed: x.seed, Logger: slog.New(slog.DiscardHandler)})
}

// invalid says that the request is wrong: Katib shows the message and does not try again.
func invalid(err error) error { return status.Error(codes.InvalidArgument, err.Error()) }

// failed says that we are, or that the client has gone.
func failed(err error) error {
	if s := status.FromContextError(err); s.Code() != codes.Unknown {
		return s.Err()
	}
	return status.Error(codes.Internal, err.Error())
}
