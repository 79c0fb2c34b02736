package optuna

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/optuna/pb"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Whatever a client sends becomes a trial that every client can read back, or an error.
func FuzzTrial(f *testing.F) {
	categories := `{"name": "CategoricalDistribution", "attributes": {"choices": ["a", null, NaN]}}`
	for _, m := range []*pb.Trial{
		{},
		{State: pb.TrialState_COMPLETE, Values: []float64{1}, DatetimeStart: "2022-09-01 00:00:00.000001"},
		{State: 9, DatetimeComplete: "0000-00-00 00:00:00.000000"},
		{Params: map[string]float64{"x": 0.5, "c": 2}, Distributions: map[string]string{"x": unit, "c": categories}},
		{SystemAttributes: map[string]string{"constraints": "[1, null, 2.5]", "constraints:a": "1e999", "k": "{}"},
			IntermediateValues: map[int64]float64{-1: 2, 1 << 62: 3}},
	} {
		text, err := proto.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	study := storage.Study{Directions: []trial.Direction{trial.Minimize}}
	f.Fuzz(func(t *testing.T, text []byte) {
		m := &pb.Trial{}
		if proto.Unmarshal(text, m) != nil {
			return
		}
		added, err := fromTrial(m)
		if err != nil || study.CheckAdd(added) != nil {
			return
		}
		if again, err := fromTrial(toTrial(added, 1)); err != nil || study.CheckAdd(again) != nil {
			t.Errorf("%v came back as %v, %v, %v", m, again, err, study.CheckAdd(again))
		}
	})
}
