package nn

import (
	"errors"
	"math"
	"path"
	"slices"
	"strings"
	"testing"
)

func namedParams(names ...string) (params []*Param) {
	for _, n := range names {
		params = append(params, newParam(n, true, 2, 3))
	}
	return params
}

func frozen(params []*Param) (all []string) {
	for _, p := range params {
		if p.Frozen {
			all = append(all, p.Name)
		}
	}
	return all
}

func TestFreeze(t *testing.T) {
	for pattern, want := range map[string][]string{
		"layer.0.*":     {"layer.0.weight", "layer.0.bias"},
		"layer.[0-1].*": {"layer.0.weight", "layer.0.bias", "layer.1.norm.bias"},
		"*.weight":      {"layer.0.weight", "head.weight"},
		"*":             {"layer.0.weight", "layer.0.bias", "layer.1.norm.bias", "head.weight"},
		"head.weight":   {"head.weight"},
	} {
		params := namedParams("layer.0.weight", "layer.0.bias", "layer.1.norm.bias", "head.weight")
		n, err := Freeze(params, pattern)
		if err != nil || n != len(want) || !slices.Equal(frozen(params), want) {
			t.Errorf("%s: froze %d, %q, %v; want %q", pattern, n, frozen(params), err, want)
		}
	}
}

func TestFreezeRefusesPatternsWithoutEffect(t *testing.T) {
	params := namedParams("layer.0.weight", "head.weight")
	if _, err := Freeze(params, "encoder.*"); err == nil || !strings.Contains(err.Error(), "layer.0.weight") {
		t.Errorf("error is %v, want one that shows a name", err)
	}
	if _, err := Freeze(params, "layer.[0"); !errors.Is(err, path.ErrBadPattern) {
		t.Errorf("error is %v, want path.ErrBadPattern", err)
	}
	if f := frozen(params); f != nil {
		t.Errorf("%q are frozen, want none", f)
	}
}

func TestBitFitTrainsBiasesOnly(t *testing.T) {
	params := namedParams("layer.0.weight", "layer.0.bias", "norm.weight", "norm.bias", "bias.weight")
	params[3].Frozen = true // before: it stays so
	n, err := BitFit(params)
	if want := []string{"layer.0.weight", "norm.weight", "norm.bias", "bias.weight"}; err != nil || n != 2 || !slices.Equal(frozen(params), want) {
		t.Errorf("%d biases, %v, frozen are %q, want %q", n, err, frozen(params), want)
	}
	params = namedParams("weight")
	if _, err := BitFit(params); err == nil || frozen(params) != nil {
		t.Errorf("without biases: error is %v and %q are frozen, want an error and none", err, frozen(params))
	}
}

func TestCount(t *testing.T) {
	params := namedParams("a", "b", "c", "d")
	params[1].Frozen = true
	params[2].Grad = nil
	if all, train := Count(params); all != 24 || train != 12 {
		t.Errorf("%d numbers of which %d train, want 24 and 12", all, train)
	}
}

func TestClipGradNorm(t *testing.T) {
	for name, c := range map[string]struct {
		grads   []float32
		largest float64
		norm    float64
		want    []float32
	}{
		"above":    {[]float32{3, -4}, 1, 5, []float32{3 / (5 + 1e-6), -4 / (5 + 1e-6)}},
		"below":    {[]float32{3, -4}, 5.1, 5, []float32{3, -4}},
		"no limit": {[]float32{3, -4}, math.Inf(1), 5, []float32{3, -4}},
		"tiny":     {[]float32{0, 2e-6}, 1e-6, float64(float32(2e-6)), []float32{0, 2e-6 / 3}},
		"zero":     {[]float32{0, 0}, 1, 0, []float32{0, 0}},
		"huge":     {[]float32{math.MaxFloat32, 0}, 2, math.MaxFloat32, []float32{2, 0}},
		"infinite": {[]float32{float32(math.Inf(1)), 7}, 1, math.Inf(1), []float32{float32(math.Inf(1)), 7}},
	} {
		a, b, still := newParam("a", true, 1), newParam("b", true, 1), newParam("frozen", true, 1)
		a.Grad[0], b.Grad[0], still.Grad[0], still.Frozen = c.grads[0], c.grads[1], 100, true
		norm := ClipGradNorm([]*Param{a, still, b}, c.largest)
		if norm != c.norm || still.Grad[0] != 100 {
			t.Errorf("%s: the norm is %v, want %v; a frozen gradient is %v, want 100", name, norm, c.norm, still.Grad[0])
		}
		for i, got := range []float32{a.Grad[0], b.Grad[0]} {
			if want := c.want[i]; got != want && !(math.Abs(float64(got-want)) < 1e-6*math.Abs(float64(want))) {
				t.Errorf("%s: gradient %d is %v, want %v", name, i, got, want)
			}
		}
	}
	p := newParam("p", true, 2)
	copy(p.Grad, []float32{float32(math.NaN()), 7})
	if norm := ClipGradNorm([]*Param{p}, 1); !math.IsNaN(norm) || p.Grad[1] != 7 {
		t.Errorf("with a NaN the norm is %v and the other gradient %v, want NaN and 7", norm, p.Grad[1])
	}
}
