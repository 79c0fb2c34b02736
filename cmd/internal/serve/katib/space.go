package katib

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/katib/pb"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
)

// A param is a parameter of an experiment.
type param struct {
	space.Dimension // what the study draws
	kind            pb.ParameterType
	list            []string // discrete and categorical: the texts, by internal value
	index           map[string]int
	shape           *shape // nil: the study draws the value itself
}

// These bound the time and memory that one trial takes.
const (
	mostParams  = 500
	mostChoices = 10_000 // of one parameter
)

// parameters reads the search space. Where each combination is tried once, distributions do not count.
func parameters(specs []*pb.ParameterSpec, isFinite bool) ([]param, error) {
	if len(specs) == 0 {
		return nil, fmt.Errorf("the experiment has no parameters, want at least one")
	}
	if len(specs) > mostParams {
		return nil, fmt.Errorf("the experiment has %d parameters, want at most %d", len(specs), mostParams)
	}
	params, dims := make([]param, len(specs)), make([]space.Dimension, len(specs))
	for i, spec := range specs {
		p, err := parameter(spec, isFinite)
		if err == nil {
			err = p.Dist.Check()
		}
		if err == nil {
			err = storage.CheckName("name", p.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("parameter %.100q: %w", spec.GetName(), err)
		}
		params[i], dims[i] = p, p.Dimension
	}
	if _, err := space.New(dims...); err != nil { // names
		return nil, err
	}
	return params, nil
}

func parameter(spec *pb.ParameterSpec, isFinite bool) (param, error) {
	p := param{Dimension: space.Dimension{Name: spec.GetName()}, kind: spec.GetParameterType()}
	feasible := spec.GetFeasibleSpace()
	if n := len(feasible.GetList()); n > mostChoices {
		return p, fmt.Errorf("its list has %d values, want at most %d", n, mostChoices)
	}
	var err error
	switch p.kind {
	case pb.ParameterType_DOUBLE, pb.ParameterType_INT:
		if n := len(feasible.GetList()); n > 0 {
			return p, fmt.Errorf("it has a list of %d values, want min and max", n)
		}
		err = p.numeric(feasible, isFinite)
	case pb.ParameterType_DISCRETE:
		err = p.discrete(feasible.GetList())
	case pb.ParameterType_CATEGORICAL:
		var choices []any
		for _, text := range feasible.GetList() {
			choices = append(choices, text)
		}
		p.list, p.Dist = feasible.GetList(), space.Categorical{Choices: choices}
	default:
		err = fmt.Errorf("parameter type is %v, want DOUBLE, INT, DISCRETE or CATEGORICAL", p.kind)
	}
	p.index = make(map[string]int, len(p.list))
	for i, text := range p.list {
		p.index[text] = i
	}
	return p, err
}

// numeric reads the range of a double or an int.
func (p *param) numeric(f *pb.FeasibleSpace, isFinite bool) error {
	isInt, isLog, isNormal := p.kind == pb.ParameterType_INT, false, false
	switch f.GetDistribution() {
	case pb.Distribution_DISTRIBUTION_UNSPECIFIED, pb.Distribution_UNIFORM:
	case pb.Distribution_LOG_UNIFORM:
		isLog = true
	case pb.Distribution_NORMAL:
		isNormal = true
	case pb.Distribution_LOG_NORMAL:
		isLog, isNormal = true, true
	default:
		return fmt.Errorf("distribution is %v, want uniform, logUniform, normal or logNormal", f.GetDistribution())
	}
	low, err := number("min", f.GetMin(), isInt)
	if err != nil {
		return err
	}
	high, err := number("max", f.GetMax(), isInt)
	if err != nil {
		return err
	}
	step := 0.0
	if isInt {
		step = 1
	}
	if text := f.GetStep(); text != "" {
		if step, err = number("step", text, isInt); err == nil && !(step > 0) {
			err = fmt.Errorf("step is %.100q, want a number above 0", text)
		}
	}
	switch {
	case err != nil:
		return err
	case low > high:
		return fmt.Errorf("min is %.100q, want at most max, which is %.100q", f.GetMin(), f.GetMax())
	case isLog && !isFinite && low <= 0:
		return fmt.Errorf("min is %.100q, want above 0 for %v", f.GetMin(), f.GetDistribution())
	}
	var values space.Dist = space.Float{Low: low, High: high, Step: step}
	if isInt {
		values = space.Int{Low: int(low), High: int(high), Step: int(step)}
	}
	plainStep := step == 0 || isInt && step == 1
	switch {
	case isFinite || !isLog && !isNormal || low == high:
		p.Dist = values
	case !isNormal && plainStep && isInt:
		p.Dist = space.Int{Low: int(low), High: int(high), Log: true}
	case !isNormal && plainStep:
		p.Dist = space.Float{Low: low, High: high, Log: true}
	default:
		if err := values.Check(); err != nil {
			return err
		}
		p.shape = &shape{values, low, step, space.Float{Low: low, High: high, Log: isLog}, isNormal}
		p.Dist = space.Float{Low: 0, High: 1}
	}
	return nil
}

// number reads a bound. Ints are written without a point.
func number(what, text string, isInt bool) (float64, error) {
	if isInt {
		n, err := strconv.Atoi(text)
		if err != nil || n < -1<<53 || n > 1<<53 {
			return 0, fmt.Errorf("%s is %.100q, want a whole number within ±2^53", what, text)
		}
		return float64(n), nil
	}
	x, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%s is %.100q, want a finite number", what, text)
	}
	return x, nil
}

// discrete reads a list of numbers. The study draws their rank, since near numbers tell about each other.
func (p *param) discrete(list []string) error {
	if len(list) == 0 {
		return fmt.Errorf("its list is empty, want at least one number")
	}
	values := map[string]float64{}
	for _, text := range list {
		x, err := number("a value of the list", text, false)
		if err != nil {
			return err
		}
		values[text] = x
	}
	p.list = slices.Clone(list)
	slices.SortFunc(p.list, func(a, b string) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return 0
	})
	for i, text := range p.list[1:] {
		if values[text] == values[p.list[i]] {
			return fmt.Errorf("its list has %.100q twice, want each number once", text)
		}
	}
	p.Dist = space.Int{Low: 0, High: len(list) - 1}
	return nil
}

// text returns an internal value as Katib substitutes it.
func (p param) text(x float64) string {
	if p.shape != nil {
		x = p.shape.value(x)
	}
	switch p.kind {
	case pb.ParameterType_DISCRETE, pb.ParameterType_CATEGORICAL:
		return p.list[int(x)]
	case pb.ParameterType_INT:
		return strconv.Itoa(int(x))
	}
	return strconv.FormatFloat(x+0, 'g', -1, 64) // + 0: without -0
}

// internal is the inverse of text.
func (p param) internal(text string) (float64, error) {
	switch p.kind {
	case pb.ParameterType_DISCRETE, pb.ParameterType_CATEGORICAL:
		i, ok := p.index[text]
		if !ok {
			return 0, fmt.Errorf("value is %.100q, want one of its list", text)
		}
		return float64(i), nil
	}
	x, err := number("value", text, p.kind == pb.ParameterType_INT)
	if err != nil {
		return 0, err
	}
	if p.shape != nil {
		if _, err := p.shape.values.Internal(x); err != nil {
			return 0, err
		}
		return p.shape.unit(x), nil
	}
	return p.Dist.Internal(x)
}

// A shape is a distribution that samplers do not know: a normal one, or a logarithmic one with steps. The
// study draws a place in the unit interval, which the shape maps to a value.
type shape struct {
	values    space.Dist // in their steps
	low, step float64    // of values; step 0: continuous
	scale     space.Float
	normal    bool // with its mean in the middle of the scale and three deviations to each end, as in Katib
}

// inside is the share of a normal distribution within three deviations.
var inside = math.Erf(3 / math.Sqrt2)

func (s *shape) value(u float64) float64 {
	if s.normal {
		u = 0.5 + math.Erfinv((2*u-1)*inside)*math.Sqrt2/6
	}
	x := s.scale.Value(u)
	if s.step > 0 {
		x = s.values.Value((math.Round((x-s.low)/s.step) + 0.5) / float64(s.values.Len()))
	}
	return x
}

func (s *shape) unit(x float64) float64 {
	u := s.scale.Unit(x)
	if s.normal {
		u = 0.5 + math.Erf((u-0.5)*6/math.Sqrt2)/(2*inside)
	}
	return min(max(u, 0), 1)
}
