package katib

import (
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/katib/pb"
)

// The experiment of the guide is one that the service searches.
func TestTheExperimentOfTheGuide(t *testing.T) {
	text, err := os.ReadFile("../../../../docs/many-machines.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```yaml\napiVersion: kubeflow.org/v1beta1\n")
	block, _, _ := strings.Cut(rest, "```")
	var read struct {
		Spec struct {
			Objective struct{ Type, ObjectiveMetricName string } `yaml:"objective"`
			Algorithm struct {
				Name     string                         `yaml:"algorithmName"`
				Settings []struct{ Name, Value string } `yaml:"algorithmSettings"`
			}
			MaxTrialCount int32 `yaml:"maxTrialCount"`
			Parameters    []struct {
				Name     string
				Type     string `yaml:"parameterType"`
				Feasible struct {
					Min, Max, Step, Distribution string
					List                         []string
				} `yaml:"feasibleSpace"`
			}
		}
	}
	if err := yaml.Unmarshal([]byte(block), &read); err != nil || !ok {
		t.Fatal(err, block)
	}
	distributions := map[string]pb.Distribution{"": 0, "logUniform": pb.Distribution_LOG_UNIFORM}
	e := spec(read.Spec.Algorithm.Name, nil)
	for _, s := range read.Spec.Algorithm.Settings {
		e.Spec.Algorithm.AlgorithmSettings = append(e.Spec.Algorithm.AlgorithmSettings,
			&pb.AlgorithmSetting{Name: s.Name, Value: s.Value})
	}
	for _, p := range read.Spec.Parameters {
		f := p.Feasible
		d, ok := distributions[f.Distribution]
		if !ok {
			t.Errorf("distribution %q", f.Distribution)
		}
		e.Spec.ParameterSpecs.Parameters = append(e.Spec.ParameterSpecs.Parameters, &pb.ParameterSpec{Name: p.Name,
			ParameterType: pb.ParameterType(pb.ParameterType_value[strings.ToUpper(p.Type)]),
			FeasibleSpace: &pb.FeasibleSpace{Min: f.Min, Max: f.Max, Step: f.Step, List: f.List, Distribution: d}})
	}
	x, err := parse(e)
	if err != nil || len(x.params) != 3 || x.seed != 1 || read.Spec.Objective.Type != "minimize" || read.Spec.MaxTrialCount != 60 {
		t.Errorf("got %+v and %v", read, err)
	}
	for _, algorithm := range names() { // those that the guide names
		if !strings.Contains(string(text), "`"+algorithm+"`") && !strings.Contains(algorithm, "-") &&
			algorithm != "qmc" && algorithm != bruteForceName {
			t.Errorf("the guide does not name %s", algorithm)
		}
	}
}
