package optuna

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

func (s *server) CreateNewTrial(ctx context.Context, r *pb.CreateNewTrialRequest) (*pb.CreateNewTrialReply, error) {
	id, err := s.create(ctx, r)
	return &pb.CreateNewTrialReply{TrialId: id}, s.fail(ctx, err)
}

func (s *server) create(ctx context.Context, r *pb.CreateNewTrialRequest) (id int64, err error) {
	t := &trial.Trial{} // Running
	if !r.TemplateTrialIsNone {
		if t, err = fromTrial(r.TemplateTrial); err != nil {
			return 0, err
		}
	}
	if len(t.Params) > 0 {
		release, err := s.agree(ctx, place{r.StudyId, -1}, t.Params)
		if err != nil {
			return 0, err
		}
		defer release()
	}
	t.Number = -1
	number, err := s.storage.Add(ctx, r.StudyId, t)
	if err != nil {
		return 0, err
	}
	if id, err = s.storage.TrialID(ctx, r.StudyId, number); err == nil {
		s.places.add(id, place{r.StudyId, number})
	}
	return id, err
}

// write changes the trial with the ID by Optuna's rules.
func (s *server) write(ctx context.Context, id int64, u storage.Update) error {
	p, err := s.place(ctx, id)
	if err == nil {
		u.Replace = true
		err = s.storage.Write(ctx, p.study, p.number, u)
	}
	return err
}

func (s *server) SetTrialParameter(ctx context.Context, r *pb.SetTrialParameterRequest) (
	*pb.SetTrialParameterReply, error) {
	return &pb.SetTrialParameterReply{}, s.fail(ctx, s.setParam(ctx, r))
}

func (s *server) setParam(ctx context.Context, r *pb.SetTrialParameterRequest) error {
	param, err := fromParam(r.ParamName, r.ParamValueInternal, r.Distribution)
	if err != nil {
		return err
	}
	p, err := s.place(ctx, r.TrialId)
	if err != nil {
		return err
	}
	release, err := s.agree(ctx, p, []trial.Param{param})
	if err != nil {
		return err
	}
	defer release()
	return s.write(ctx, r.TrialId, storage.Update{Params: []trial.Param{param}})
}

// agree returns an error unless the parameters, which the trial at p is about to get, fit those of
// the same name in the study. Until release they bind others, which are written meanwhile.
func (s *server) agree(ctx context.Context, p place, params []trial.Param) (release func(), err error) {
	h := s.histories.get(p.study)
	h.mu.Lock()
	defer h.mu.Unlock()
	// Mostly the parameters are known, and nothing need be read.
	if known, err := h.fit(params); known && err == nil {
		return func() {}, nil
	}
	if err := h.follow(ctx, s.storage); err != nil {
		return nil, err
	}
	// Optuna looks at the state before the parameter.
	if p.number >= 0 && p.number < len(h.trials) && h.trials[p.number].state.Finished() {
		return nil, storage.ErrFinished
	}
	if _, err := h.fit(params); err != nil {
		return nil, err
	}
	var bound []string
	for _, param := range params {
		if h.promised[param.Name] == nil {
			h.promised[param.Name] = param.Dist
			bound = append(bound, param.Name)
		}
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, name := range bound {
			delete(h.promised, name)
		}
	}, nil
}

func (s *server) SetTrialStateValues(ctx context.Context, r *pb.SetTrialStateValuesRequest) (
	*pb.SetTrialStateValuesReply, error) {
	u := storage.Update{State: trial.State(r.State), Values: r.Values, Start: r.State == pb.TrialState_RUNNING}
	if r.State < 0 || r.State > pb.TrialState_WAITING {
		return nil, s.fail(ctx, invalid("%d is not a state", r.State))
	}
	err := s.write(ctx, r.TrialId, u)
	if errors.Is(err, storage.ErrLost) { // another client started it
		return &pb.SetTrialStateValuesReply{}, nil
	}
	return &pb.SetTrialStateValuesReply{TrialUpdated: true}, s.fail(ctx, err)
}

func (s *server) SetTrialIntermediateValue(ctx context.Context, r *pb.SetTrialIntermediateValueRequest) (
	*pb.SetTrialIntermediateValueReply, error) {
	err := s.write(ctx, r.TrialId, storage.Update{
		Reports: []trial.Report{{Step: int(r.Step), Value: r.IntermediateValue}}})
	return &pb.SetTrialIntermediateValueReply{}, s.fail(ctx, err)
}

func (s *server) SetTrialUserAttribute(ctx context.Context, r *pb.SetTrialUserAttributeRequest) (
	*pb.SetTrialUserAttributeReply, error) {
	err := s.write(ctx, r.TrialId, storage.Update{UserAttrs: one(r.Key, r.Value)})
	return &pb.SetTrialUserAttributeReply{}, s.fail(ctx, err)
}

func (s *server) SetTrialSystemAttribute(ctx context.Context, r *pb.SetTrialSystemAttributeRequest) (
	*pb.SetTrialSystemAttributeReply, error) {
	err := s.write(ctx, r.TrialId, storage.Update{SystemAttrs: one(r.Key, r.Value)})
	return &pb.SetTrialSystemAttributeReply{}, s.fail(ctx, err)
}

func (s *server) GetTrialIdFromStudyIdTrialNumber(ctx context.Context, r *pb.GetTrialIdFromStudyIdTrialNumberRequest) (
	*pb.GetTrialIdFromStudyIdTrialNumberReply, error) {
	id, err := s.storage.TrialID(ctx, r.StudyId, int(r.TrialNumber))
	return &pb.GetTrialIdFromStudyIdTrialNumberReply{TrialId: id}, s.fail(ctx, err)
}

func (s *server) GetTrial(ctx context.Context, r *pb.GetTrialRequest) (*pb.GetTrialReply, error) {
	reply := &pb.GetTrialReply{}
	p, err := s.place(ctx, r.TrialId)
	if err == nil {
		var found []byte
		if found, err = s.encoded(ctx, p.study, math.MaxInt64, r.TrialId); err == nil && found == nil {
			err = fmt.Errorf("trial id %d: %w", r.TrialId, storage.ErrNotExist)
		}
		reply.ProtoReflect().SetUnknown(found)
	}
	return reply, s.fail(ctx, err)
}

func (s *server) GetTrials(ctx context.Context, r *pb.GetTrialsRequest) (*pb.GetTrialsReply, error) {
	reply := &pb.GetTrialsReply{}
	found, err := s.encoded(ctx, r.StudyId, r.TrialIdGreaterThan, r.IncludedTrialIds...)
	reply.ProtoReflect().SetUnknown(found)
	return reply, s.fail(ctx, err)
}

// encoded returns the trials of a study whose ID is greater than after, and those with the given
// IDs, as the fields of GetTrialsReply or GetTrialReply. gRPC sends fields that a message does not
// know as they are: so trials are encoded once, however often they are read.
func (s *server) encoded(ctx context.Context, study, after int64, ids ...int64) ([]byte, error) {
	h := s.histories.get(study)
	h.mu.Lock()
	err := h.follow(ctx, s.storage)
	var found [][]byte
	if err == nil {
		found = h.find(after, ids)
	}
	h.mu.Unlock()
	if errors.Is(err, storage.ErrNotExist) {
		s.histories.drop(study)
	}
	return slices.Concat(found...), err
}
