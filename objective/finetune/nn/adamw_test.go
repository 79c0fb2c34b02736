package nn

import (
	"math"
	"testing"
)

func TestAdamWZeroValueHasTheDocumentedDefaults(t *testing.T) {
	run := func(o AdamW) []float32 {
		p := newParam("p", true, 3)
		for i := range 5 {
			copy(p.Grad, []float32{1, -2, float32(i)})
			o.Step([]*Param{p}, 0.1)
		}
		return p.Value
	}
	sameBits(t, "values", run(AdamW{}), run(AdamW{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}))
}

// By hand: after one step m̂ = g and √v̂ = |g|, so that the step is
// lr·sign(g) but for epsilon, and the decay has taken lr·λ·θ.
func TestAdamWFirstStep(t *testing.T) {
	for name, c := range map[string]struct {
		decay bool
		want  float64
	}{
		"a weight decays":       {true, 2*(1-0.1*0.5) - 0.1},
		"a bias does not decay": {false, 2 - 0.1},
	} {
		p := newParam("p", c.decay, 1)
		p.Value[0], p.Grad[0] = 2, 7
		opt := AdamW{WeightDecay: 0.5}
		opt.Step([]*Param{p}, 0.1)
		if got := float64(p.Value[0]); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%s: value is %v, want %v", name, got, c.want)
		}
	}
}

func TestMomentsThatFadeAwayNeverBecomeSubnormal(t *testing.T) {
	p := newParam("p", false, 4)
	opt := AdamW{Beta2: 0.9}
	copy(p.Grad, []float32{1, 1e-10, 1e-18, 0})
	// A millionth of a moment is still a normal number.
	const smallest = 0x1p-126 * 1e6
	for i := range 2000 {
		opt.Step([]*Param{p}, 1e-3)
		clear(p.Grad)
		for _, x := range append(opt.m[0][:4:4], opt.v[0]...) {
			if x != 0 && math.Abs(float64(x)) < smallest {
				t.Fatalf("a moment is %v after step %d, want 0 or at least %v", x, i, smallest)
			}
		}
	}
	for i, x := range append(opt.m[0][:4:4], opt.v[0]...) {
		if x > 1e-26 {
			t.Errorf("moment %d is %v in the end, want it to have faded away", i, x)
		}
	}
}

// BenchmarkAdamW is the time of a step on 10,000 numbers, with gradients and
// long after the last one; the second is as fast if nothing is subnormal.
func BenchmarkAdamW(b *testing.B) {
	for name, steps := range map[string]int{"live": 0, "faded": 2000} {
		b.Run(name, func(b *testing.B) {
			p := newParam("p", true, 10_000)
			for i := range p.Grad {
				p.Grad[i] = 1 / float32(i+1)
			}
			var opt AdamW
			opt.Step([]*Param{p}, 1e-3)
			if steps > 0 {
				clear(p.Grad)
			}
			for range steps {
				opt.Step([]*Param{p}, 1e-3)
			}
			for b.Loop() {
				opt.Step([]*Param{p}, 1e-3)
			}
		})
	}
}

func TestARestoredAdamWContinuesAsTheFirstWould(t *testing.T) {
	param := func() *Param { return newParam("p", true, 5) }
	step := func(o *AdamW, p *Param, i int) {
		copy(p.Grad, []float32{1, -2, float32(i), 1e-10, 0})
		o.Step([]*Param{p}, 0.1/float64(i+1))
	}
	for after := range 6 {
		whole, first := AdamW{WeightDecay: 0.5}, AdamW{WeightDecay: 0.5}
		want, got := param(), param()
		for i := range 8 {
			step(&whole, want, i)
		}
		for i := range after {
			step(&first, got, i)
		}
		second := AdamW{WeightDecay: 0.5}
		m, v := first.Moments()
		second.Restore(after, m, v)
		if after > 0 { // the first one continues too, with moments of its own
			step(&first, param(), 0)
			m[0][0], v[0][0] = 9, 9
		}
		for i := after; i < 8; i++ {
			step(&second, got, i)
		}
		sameBits(t, "values", got.Value, want.Value)
		gotM, gotV := second.Moments()
		wantM, wantV := whole.Moments()
		sameBits(t, "first moments", gotM[0], wantM[0])
		sameBits(t, "second moments", gotV[0], wantV[0])
	}
}

func TestRateMultipliesTheLearningRate(t *testing.T) {
	run := func(rate, learningRate float64) []float32 {
		p := newParam("p", true, 3)
		copy(p.Value, []float32{1, 2, 3})
		p.Rate = rate
		opt := AdamW{WeightDecay: 0.1}
		for range 3 {
			copy(p.Grad, []float32{1, -2, 3})
			opt.Step([]*Param{p}, learningRate)
		}
		return p.Value
	}
	sameBits(t, "rate 0", run(0, 0.1), run(1, 0.1))
	sameBits(t, "rate 1/4", run(0.25, 0.1), run(1, 0.025))
}

func TestWhatDoesNotTrainStaysAsItIs(t *testing.T) {
	frozen, constant, other := newParam("frozen", true, 2), newParam("constant", true, 2), newParam("other", true, 2)
	frozen.Frozen, constant.Grad = true, nil
	params := []*Param{frozen, constant, other}
	for _, p := range params {
		copy(p.Value, []float32{1, 2})
	}
	copy(frozen.Grad, []float32{3, 4})
	opt := AdamW{WeightDecay: 0.5}
	opt.Step(params, 0.1)
	sameBits(t, "a frozen parameter", frozen.Value, []float32{1, 2})
	sameBits(t, "a parameter without a gradient", constant.Value, []float32{1, 2})
	if other.Value[0] == 1 {
		t.Error("the other parameter has not decayed")
	}
	if m, v := opt.Moments(); m[0] != nil || v[0] != nil || m[1] != nil || v[1] != nil {
		t.Errorf("moments of parameters that do not train are %v and %v, want none", m, v)
	}
}

func TestARestoredAdamWKeepsWhatHasNoMoments(t *testing.T) {
	frozen, other := newParam("frozen", true, 2), newParam("other", true, 2)
	frozen.Frozen = true
	var first, second AdamW
	first.Step([]*Param{frozen, other}, 0.1)
	m, v := first.Moments()
	second.Restore(1, m, v)
	second.Step([]*Param{frozen, other}, 0.1)
	if m, v := second.Moments(); m[0] != nil || v[0] != nil || len(m[1]) != 2 || len(v[1]) != 2 {
		t.Errorf("moments are %v and %v, want some of the second parameter only", m, v)
	}
}
