package scale

import (
	"context"
	"fmt"
	"math/rand/v2"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
	"github.com/bluefin-hpo/bluefin/space"
)

// A grpcClient makes the calls that an Optuna worker with GrpcStorageProxy and a RandomSampler makes, over a
// connection of its own.
type grpcClient struct {
	conn       *grpc.ClientConn
	service    pb.StorageServiceClient
	study      int64
	read       int64 // the greatest ID of a trial that was read
	unfinished map[int64]bool
	trial      int64
}

// optunaSpace is what a client draws: a name, its JSON as Optuna has it, and how to draw it.
var optunaSpace = []struct {
	name string
	dist space.Dist
}{
	{"x", space.Float{High: 1}},
	{"lr", space.Float{Low: 1e-5, High: 1, Log: true}},
	{"layers", space.Int{Low: 1, High: 8}},
}

func newGRPC(ctx context.Context, server string) (*grpcClient, error) {
	conn, err := grpc.NewClient(server, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30))) // Optuna has no limit either
	if err != nil {
		return nil, err
	}
	c := &grpcClient{conn: conn, service: pb.NewStorageServiceClient(conn), read: -1, unfinished: map[int64]bool{}}
	reply, err := c.service.GetStudyIdFromName(ctx, &pb.GetStudyIdFromNameRequest{StudyName: Study})
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	c.study = reply.StudyId
	return c, nil
}

func (c *grpcClient) ask(ctx context.Context) (number int, x float64, err error) {
	// A worker looks for WAITING trials first, and so reads what others have done.
	request := &pb.GetTrialsRequest{StudyId: c.study, TrialIdGreaterThan: c.read}
	for id := range c.unfinished {
		request.IncludedTrialIds = append(request.IncludedTrialIds, id)
	}
	trials, err := c.service.GetTrials(ctx, request)
	if err != nil {
		return 0, 0, err
	}
	for _, t := range trials.Trials {
		c.read = max(c.read, t.TrialId)
		if t.State == pb.TrialState_RUNNING || t.State == pb.TrialState_WAITING {
			c.unfinished[t.TrialId] = true
		} else {
			delete(c.unfinished, t.TrialId)
		}
	}
	created, err := c.service.CreateNewTrial(ctx, &pb.CreateNewTrialRequest{StudyId: c.study, TemplateTrialIsNone: true})
	if err != nil {
		return 0, 0, err
	}
	c.trial = created.TrialId
	got, err := c.service.GetTrial(ctx, &pb.GetTrialRequest{TrialId: c.trial})
	if err != nil {
		return 0, 0, err
	}
	for _, p := range optunaSpace {
		value := p.dist.Value(rand.Float64())
		if p.name == "x" {
			x = value
		}
		text, err := space.Marshal(p.dist)
		if err != nil {
			return 0, 0, err
		}
		if _, err := c.service.SetTrialParameter(ctx, &pb.SetTrialParameterRequest{TrialId: c.trial, ParamName: p.name,
			ParamValueInternal: value, Distribution: text}); err != nil {
			return 0, 0, fmt.Errorf("parameter %s: %w", p.name, err)
		}
	}
	return int(got.Trial.Number), x, nil
}

func (c *grpcClient) report(ctx context.Context, step int, value float64) (prune bool, err error) {
	_, err = c.service.SetTrialIntermediateValue(ctx, &pb.SetTrialIntermediateValueRequest{TrialId: c.trial,
		Step: int64(step), IntermediateValue: value})
	return false, err
}

func (c *grpcClient) tell(ctx context.Context, value float64) error {
	_, err := c.service.SetTrialStateValues(ctx, &pb.SetTrialStateValuesRequest{TrialId: c.trial,
		State: pb.TrialState_COMPLETE, Values: []float64{value}})
	return err
}

func (c *grpcClient) close() error { return c.conn.Close() }
