package katib

import (
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/katib/pb"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// An experiment is what a request asks to search, and how.
type experiment struct {
	params    []param
	byName    map[string]int // their indices
	direction trial.Direction
	metric    string
	algorithm string
	sampler   sampler.Sampler
	seed      uint64
}

// parse reads and checks an experiment.
func parse(e *pb.Experiment) (*experiment, error) {
	spec := e.GetSpec()
	if spec == nil {
		return nil, fmt.Errorf("the request has no experiment with a spec")
	}
	x := &experiment{metric: spec.GetObjective().GetObjectiveMetricName(), byName: map[string]int{},
		algorithm: spec.GetAlgorithm().GetAlgorithmName()}
	switch t := spec.GetObjective().GetType(); t {
	case pb.ObjectiveType_MINIMIZE:
	case pb.ObjectiveType_MAXIMIZE:
		x.direction = trial.Maximize
	default:
		return nil, fmt.Errorf("objective type is %v, want MINIMIZE or MAXIMIZE", t)
	}
	if n := spec.GetMaxTrialCount(); n < 0 {
		return nil, fmt.Errorf("max trial count is %d, want at least 0", n)
	}
	var err error
	if x.params, err = parameters(spec.GetParameterSpecs().GetParameters(), isFinite(x.algorithm)); err != nil {
		return nil, err
	}
	for i, p := range x.params {
		x.byName[p.Name] = i
	}
	// Without random_state, experiments differ and a request that is repeated does not.
	hash := fnv.New64a()
	hash.Write([]byte(e.GetName()))
	x.sampler, x.seed, err = chosen(spec.GetAlgorithm(), x.params, int(spec.GetMaxTrialCount()), hash.Sum64()>>1)
	return x, err
}

// dims are the parameters as the study draws them.
func (x *experiment) dims() []space.Dimension {
	var dims []space.Dimension
	for _, p := range x.params {
		dims = append(dims, p.Dimension)
	}
	return dims
}

// checkGrid refuses more trials than a grid has combinations, as Katib does.
func (x *experiment) checkGrid(trials int) error {
	if x.algorithm != gridName {
		return nil
	}
	n, sizes := 1, []string{}
	for _, p := range x.params {
		n *= p.Dist.Len() // at most 2^53
		sizes = append(sizes, fmt.Sprint(p.Dist.Len()))
	}
	if trials > n {
		return fmt.Errorf("max trial count is %d, want at most the combinations of the grid: %s = %d",
			trials, strings.Join(sizes, " × "), n)
	}
	return nil
}
