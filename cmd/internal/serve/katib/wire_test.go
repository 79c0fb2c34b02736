package katib

import (
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/katib/pb"
)

// The file is the last of six requests that the generated Python code of kubeflow-katib 0.19.0 (katib_api_pb2) sent to
// this service, for algorithm tpe: ten trials under all kinds of parameters, early stopping, and two more to suggest.
func TestAMessageOfKatibsOwnCodeIsUnderstood(t *testing.T) {
	text, err := os.ReadFile("testdata/katib-0.19.0.binpb")
	if err != nil {
		t.Fatal(err)
	}
	r := &pb.GetSuggestionsRequest{}
	if err := proto.Unmarshal(text, r); err != nil {
		t.Fatal(err)
	}
	var unknown []string
	noteUnknown(r.ProtoReflect(), &unknown)
	if got := strings.Join(unknown, " "); got != "api.v1.beta1.ExperimentSpec" { // early_stopping
		t.Errorf("messages with fields that we do not know: %s, want ExperimentSpec alone", got)
	}
	x, err := parse(r.Experiment)
	if err != nil {
		t.Fatal(err)
	}
	p, err := x.history(r.Trials, int(r.TotalRequestNumber-r.CurrentRequestNumber))
	if err != nil || len(p.trials) != 10 || p.finished != 10 || len(p.trials[0].Params) != 8 {
		t.Fatalf("got %d trials and %v, want 10", len(p.trials), err)
	}
	states := map[string]int{}
	for _, one := range p.trials {
		states[one.State.String()]++
	}
	if states["COMPLETE"] != 6 || states["PRUNED"] != 2 || states["FAIL"] != 2 {
		t.Errorf("got %v", states)
	}
	reply, err := service{}.GetSuggestions(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if got := reply.ParameterAssignments[1]; got.Labels[numberLabel] != "11" || len(got.Assignments) != 8 {
		t.Errorf("got %v", got)
	}
}

// noteUnknown adds the names of messages that have fields which our file lacks.
func noteUnknown(m protoreflect.Message, names *[]string) {
	if len(m.GetUnknown()) > 0 {
		*names = append(*names, string(m.Descriptor().FullName()))
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsMap() || f.Message() == nil:
		case f.IsList():
			for i := range v.List().Len() {
				noteUnknown(v.List().Get(i).Message(), names)
			}
		default:
			noteUnknown(v.Message(), names)
		}
		return true
	})
}
