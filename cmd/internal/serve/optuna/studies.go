package optuna

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// study returns the study with the ID, or fails with ErrNotExist. Studies never change their name, so
// it is read by that.
func (s *server) study(ctx context.Context, id int64) (storage.Study, error) {
	if name, ok := s.names.Load(id); ok {
		found, err := s.storage.Load(ctx, name.(string))
		switch {
		case err == nil && found.ID == id:
			return found, nil
		case err != nil && !errors.Is(err, storage.ErrNotExist):
			return storage.Study{}, err
		}
		s.names.Delete(id) // the name may now be another study's
	}
	all, err := s.storage.Studies(ctx)
	if err != nil {
		return storage.Study{}, err
	}
	for _, found := range all {
		s.names.Store(found.ID, found.Name)
		if found.ID == id {
			return found, nil
		}
	}
	return storage.Study{}, fmt.Errorf("study id %d: %w", id, storage.ErrNotExist)
}

func (s *server) CreateNewStudy(ctx context.Context, r *pb.CreateNewStudyRequest) (*pb.CreateNewStudyReply, error) {
	var directions []trial.Direction
	for _, d := range r.Directions {
		direction := trial.Minimize
		if d == pb.StudyDirection_MAXIMIZE {
			direction = trial.Maximize
		}
		directions = append(directions, direction)
	}
	study, err := s.storage.Create(ctx, r.StudyName, directions)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	s.names.Store(study.ID, study.Name)
	return &pb.CreateNewStudyReply{StudyId: study.ID}, nil
}

func (s *server) DeleteStudy(ctx context.Context, r *pb.DeleteStudyRequest) (*pb.DeleteStudyReply, error) {
	err := s.storage.Delete(ctx, r.StudyId)
	if err == nil {
		s.histories.drop(r.StudyId)
	}
	return &pb.DeleteStudyReply{}, s.fail(ctx, err)
}

func (s *server) SetStudyUserAttribute(ctx context.Context, r *pb.SetStudyUserAttributeRequest) (
	*pb.SetStudyUserAttributeReply, error) {
	err := s.storage.WriteStudy(ctx, r.StudyId, storage.StudyUpdate{UserAttrs: one(r.Key, r.Value)})
	return &pb.SetStudyUserAttributeReply{}, s.fail(ctx, err)
}

func (s *server) SetStudySystemAttribute(ctx context.Context, r *pb.SetStudySystemAttributeRequest) (
	*pb.SetStudySystemAttributeReply, error) {
	err := s.storage.WriteStudy(ctx, r.StudyId, storage.StudyUpdate{SystemAttrs: one(r.Key, r.Value)})
	return &pb.SetStudySystemAttributeReply{}, s.fail(ctx, err)
}

func one(key, value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{key: json.RawMessage(value)}
}

func (s *server) GetStudyIdFromName(ctx context.Context, r *pb.GetStudyIdFromNameRequest) (
	*pb.GetStudyIdFromNameReply, error) {
	study, err := s.storage.Load(ctx, r.StudyName)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	s.names.Store(study.ID, study.Name)
	return &pb.GetStudyIdFromNameReply{StudyId: study.ID}, nil
}

func (s *server) GetStudyNameFromId(ctx context.Context, r *pb.GetStudyNameFromIdRequest) (
	*pb.GetStudyNameFromIdReply, error) {
	study, err := s.study(ctx, r.StudyId)
	return &pb.GetStudyNameFromIdReply{StudyName: study.Name}, s.fail(ctx, err)
}

func (s *server) GetStudyDirections(ctx context.Context, r *pb.GetStudyDirectionsRequest) (
	*pb.GetStudyDirectionsReply, error) {
	study, err := s.study(ctx, r.StudyId)
	return &pb.GetStudyDirectionsReply{Directions: toDirections(study)}, s.fail(ctx, err)
}

func (s *server) GetStudyUserAttributes(ctx context.Context, r *pb.GetStudyUserAttributesRequest) (
	*pb.GetStudyUserAttributesReply, error) {
	study, err := s.study(ctx, r.StudyId)
	return &pb.GetStudyUserAttributesReply{UserAttributes: toAttrs(study.UserAttrs)}, s.fail(ctx, err)
}

func (s *server) GetStudySystemAttributes(ctx context.Context, r *pb.GetStudySystemAttributesRequest) (
	*pb.GetStudySystemAttributesReply, error) {
	study, err := s.study(ctx, r.StudyId)
	return &pb.GetStudySystemAttributesReply{SystemAttributes: toAttrs(study.SystemAttrs)}, s.fail(ctx, err)
}

func (s *server) GetAllStudies(ctx context.Context, _ *pb.GetAllStudiesRequest) (*pb.GetAllStudiesReply, error) {
	all, err := s.storage.Studies(ctx)
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	reply := &pb.GetAllStudiesReply{}
	for _, study := range all {
		reply.Studies = append(reply.Studies, &pb.Study{
			StudyId: study.ID, StudyName: study.Name, Directions: toDirections(study),
			UserAttributes: toAttrs(study.UserAttrs), SystemAttributes: toAttrs(study.SystemAttrs),
		})
	}
	return reply, nil
}

func toDirections(study storage.Study) []pb.StudyDirection {
	var directions []pb.StudyDirection
	for _, d := range study.Directions {
		direction := pb.StudyDirection_MINIMIZE
		if d == trial.Maximize {
			direction = pb.StudyDirection_MAXIMIZE
		}
		directions = append(directions, direction)
	}
	return directions
}

func toAttrs(attrs map[string]json.RawMessage) map[string]string {
	all := make(map[string]string, len(attrs))
	for key, value := range attrs {
		all[key] = string(value)
	}
	return all
}
