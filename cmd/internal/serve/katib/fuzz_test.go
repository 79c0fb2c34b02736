package katib

import (
	"math"
	"strconv"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/katib/pb"
)

// FuzzRequest: any bytes get suggestions that are valid, and the same twice, or an error of the request.
func FuzzRequest(f *testing.F) {
	add := func(r *pb.GetSuggestionsRequest) {
		text, err := proto.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	for _, algorithm := range names() {
		e := spec(algorithm, map[string]string{"random_state": "1"},
			whole("n", "1", "5", "2", pb.Distribution_LOG_UNIFORM), whole("m", "0", "3", "", pb.Distribution_NORMAL),
			listed("c", pb.ParameterType_CATEGORICAL, "a", "b"), listed("d", pb.ParameterType_DISCRETE, "3", "1"))
		if !isFinite(algorithm) {
			e.Spec.ParameterSpecs.Parameters = append(e.Spec.ParameterSpecs.Parameters, mixed()[:2]...)
		}
		r := &pb.GetSuggestionsRequest{Experiment: e, CurrentRequestNumber: 2, TotalRequestNumber: 2}
		for condition := range pb.TrialStatus_TrialConditionType_name {
			reply, err := service{}.GetSuggestions(f.Context(), r)
			if err != nil {
				f.Fatal(algorithm, err)
			}
			for i, a := range reply.ParameterAssignments {
				r.Trials = append(r.Trials, &pb.Trial{Name: "t", Spec: &pb.TrialSpec{Labels: a.Labels,
					ParameterAssignments: &pb.TrialSpec_ParameterAssignments{Assignments: a.Assignments}},
					Status: &pb.TrialStatus{StartTime: "2026-01-02T03:04:05Z", CompletionTime: "2026-01-02T03:04:06Z",
						Condition:   pb.TrialStatus_TrialConditionType((int(condition) + i) % 8),
						Observation: &pb.Observation{Metrics: []*pb.Metric{{Name: "loss", Value: strconv.Itoa(i)}}}}})
			}
			r.TotalRequestNumber += 2
		}
		add(r)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &pb.GetSuggestionsRequest{}
		if proto.Unmarshal(text, r) != nil {
			return
		}
		r.CurrentRequestNumber = min(r.CurrentRequestNumber, 3) // more only takes time
		_, validation := service{}.ValidateAlgorithmSettings(t.Context(),
			&pb.ValidateAlgorithmSettingsRequest{Experiment: r.Experiment})
		reply, err := service{}.GetSuggestions(t.Context(), r)
		for _, err := range []error{validation, err} {
			if code := status.Code(err); code != codes.OK && code != codes.InvalidArgument {
				t.Fatalf("%v\n%v", err, r)
			}
		}
		if err != nil {
			return
		}
		again, err := service{}.GetSuggestions(t.Context(), r)
		if err != nil || !proto.Equal(reply, again) {
			t.Fatalf("%v: got %v, then %v", err, reply, again)
		}
		x, err := parse(r.Experiment)
		if err != nil || len(reply.ParameterAssignments) != int(r.CurrentRequestNumber) {
			t.Fatalf("%v: %d suggestions, want %d", err, len(reply.ParameterAssignments), r.CurrentRequestNumber)
		}
		for _, a := range reply.ParameterAssignments {
			params, err := x.assigned(a.Assignments)
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range params {
				if !p.Dist.Contains(p.Value) || math.IsNaN(p.Value) || !same(x.params[i], x.params[i].text(p.Value), a.Assignments[i].Value) {
					t.Fatalf("%v reads back as %v", a.Assignments[i], p.Value)
				}
			}
		}
	})
}
