package nn

import (
	"math"
	"testing"
)

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
