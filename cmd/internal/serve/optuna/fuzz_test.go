package optuna

import (
	"encoding/binary"
	"log/slog"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
	"github.com/bluefin-hpo/bluefin/storage/storagetest"
)

// A registrar keeps a service instead of serving it.
type registrar struct{ impl any }

func (r *registrar) RegisterService(_ *grpc.ServiceDesc, impl any) { r.impl = impl }

// FuzzCalls: whatever messages a client sends, in any order, the service neither panics nor takes the fault on itself,
// and afterwards the file can still be read, by this service and others.
//
// The bytes are calls: a method, the length of its message in two bytes, and the message.
func FuzzCalls(f *testing.F) {
	methods := pb.StorageService_ServiceDesc.Methods
	var all []byte
	add := func(method string, m proto.Message) {
		text, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		for i, one := range methods {
			if one.MethodName == method {
				call := append(binary.BigEndian.AppendUint16([]byte{byte(i)}, uint16(len(text))), text...)
				f.Add(call)
				all = append(all, call...)
				return
			}
		}
		f.Fatal(method)
	}
	add("SetTrialParameter", &pb.SetTrialParameterRequest{TrialId: 1, ParamName: "x", ParamValueInternal: 0.5, Distribution: unit})
	add("SetTrialIntermediateValue", &pb.SetTrialIntermediateValueRequest{TrialId: 1, Step: 1, IntermediateValue: 0.5})
	add("SetTrialSystemAttribute", &pb.SetTrialSystemAttributeRequest{TrialId: 1, Key: "constraints", Value: "[1, 2]"})
	add("SetTrialUserAttribute", &pb.SetTrialUserAttributeRequest{TrialId: 1, Key: "k", Value: "{}"})
	add("SetTrialStateValues", &pb.SetTrialStateValuesRequest{TrialId: 1, State: pb.TrialState_COMPLETE, Values: []float64{1}})
	add("CreateNewTrial", &pb.CreateNewTrialRequest{StudyId: 1, TemplateTrial: &pb.Trial{State: pb.TrialState_WAITING,
		Params: map[string]float64{"x": 0.5}, Distributions: map[string]string{"x": unit},
		UserAttributes: map[string]string{"a": "1"}, IntermediateValues: map[int64]float64{3: 4}}})
	add("SetStudySystemAttribute", &pb.SetStudySystemAttributeRequest{StudyId: 1, Key: "a", Value: "null"})
	add("SetStudyUserAttribute", &pb.SetStudyUserAttributeRequest{StudyId: 1, Key: "a", Value: `"é"`})
	add("GetTrials", &pb.GetTrialsRequest{StudyId: 1, IncludedTrialIds: []int64{1, 2}, TrialIdGreaterThan: -1})
	add("CreateNewStudy", &pb.CreateNewStudyRequest{StudyName: "../..", Directions: []pb.StudyDirection{1, 2}})
	add("GetTrialIdFromStudyIdTrialNumber", &pb.GetTrialIdFromStudyIdTrialNumberRequest{StudyId: 1, TrialNumber: 1})
	add("DeleteStudy", &pb.DeleteStudyRequest{StudyId: 2})
	f.Add(all)

	f.Fuzz(func(t *testing.T, text []byte) {
		db, kept := &storagetest.MemoryViewer{}, &registrar{}
		Register(kept, db, slog.New(slog.NewTextHandler(t.Output(), nil)))
		service := kept.impl.(*server)
		if _, err := service.CreateNewStudy(t.Context(), &pb.CreateNewStudyRequest{StudyName: "a", Directions: []pb.StudyDirection{1}}); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := service.CreateNewTrial(t.Context(), &pb.CreateNewTrialRequest{StudyId: 1, TemplateTrialIsNone: true}); err != nil {
				t.Fatal(err)
			}
		}
		for calls := 0; len(text) >= 3 && calls < 20; calls++ {
			method := methods[int(text[0])%len(methods)]
			n := min(int(binary.BigEndian.Uint16(text[1:])), len(text)-3)
			message := text[3 : 3+n]
			text = text[3+n:]
			_, err := method.Handler(service, t.Context(), func(m any) error {
				if err := proto.Unmarshal(message, m.(proto.Message)); err != nil {
					return status.Error(codes.InvalidArgument, err.Error())
				}
				return nil
			}, nil)
			if code := status.Code(err); code == codes.Internal || code == codes.Unknown {
				t.Fatalf("%s %q: %v", method.MethodName, message, err)
			}
		}
		all, err := db.Studies(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			snapshot, err := db.Export(t.Context(), s.Name)
			if err != nil {
				t.Fatal(err)
			}
			if err := snapshot.Check(); err != nil {
				t.Errorf("study %q cannot be copied: %v", s.Name, err)
			}
			if _, err := service.GetTrials(t.Context(), &pb.GetTrialsRequest{StudyId: s.ID, TrialIdGreaterThan: -1}); err != nil {
				t.Errorf("study %q cannot be read: %v", s.Name, err)
			}
		}
	})
}
