package functions

import (
	"fmt"
	"math"
)

// bbobFunction returns function id, 1 to 24, of the noiseless Black-Box Optimization Benchmark in
// dim dimensions, at least 2, on the box [-5, 5]^dim: Finck, Hansen, Ros and Auger, "Real-Parameter
// Black-Box Optimization Benchmarking 2009: Noiseless Functions Definitions" (INRIA RR-6829). The
// instance, from 1, determines the optimum and the rotation, as in COCO. The value is the gap to
// the optimum, without the constant f_opt.
func bbobFunction(id, dim, instance int) (function, error) {
	switch {
	case id < 1 || id > len(bbobs):
		return function{}, fmt.Errorf("BBOB function is %d, want 1 to %d", id, len(bbobs))
	case dim < 2:
		return function{}, fmt.Errorf("BBOB dimension is %d, want at least 2", dim)
	case instance < 1:
		return function{}, fmt.Errorf("BBOB instance is %d, want at least 1", instance)
	}
	b := newBBOB(id, dim, instance)
	core := bbobs[id-1](b)
	// After the function is made, since some replace xopt.
	penalty := b.penalty(id)
	f := function{Minimizer: b.xopt, Value: func(x []float64) float64 {
		v := core(x)
		if penalty != 0 {
			v += penalty * outside(x, 5)
		}
		return v
	}}
	f.Low, f.High = box(dim, -5, 5)
	return f, nil
}

// A bbob has the parts that functions are built from. A function may replace xopt.
type bbob struct {
	d           int
	seed, seed2 int       // of the two rotations, R and Q in the definition
	e           []float64 // length d: i/(d-1), the exponents of the conditioning
	xopt        []float64 // length d: where the value is 0
}

// bbobs are the functions by number, without the penalty for leaving the box. Files group them as
// the definition does.
var bbobs = [...]func(b *bbob) func(x []float64) float64{
	sphere, ellipsoidal, rastrigin, buecheRastrigin, linearSlope,
	attractiveSector, stepEllipsoidal, rosenbrock, rosenbrockRotated,
	ellipsoidalRotated, discus, bentCigar, sharpRidge, differentPowers,
	rastriginRotated, weierstrass, schaffers, schaffersIllConditioned, griewankRosenbrock,
	schwefel, gallagher101, gallagher21, katsuura, lunacek,
}

// newBBOB draws what all functions share from the seeds of COCO.
func newBBOB(id, dim, instance int) *bbob {
	switch id { // two pairs share their random numbers
	case 4:
		id = 3
	case 18:
		id = 17
	}
	b := &bbob{d: dim, seed: id + 10000*instance, e: make([]float64, dim)}
	b.seed2 = b.seed + 1000000
	for i := range b.e {
		b.e[i] = float64(i) / float64(dim-1)
	}
	b.xopt = optimum(dim, b.seed)
	return b
}

// penalty returns the weight of the penalty for leaving the box.
func (b *bbob) penalty(id int) float64 {
	switch id {
	case 4:
		return 100
	case 16:
		return 10 / float64(b.d)
	case 17, 18:
		return 10
	case 7, 21, 22, 23:
		return 1
	case 24:
		return 1e4
	}
	return 0
}

// first and second return the rotations R and Q.
func (b *bbob) first() matrix  { return rotation(b.d, b.seed) }
func (b *bbob) second() matrix { return rotation(b.d, b.seed2) }

// both returns R·Λ^condition·Q, where Λ^c has c^(i/(d-1)/2) on its diagonal.
func (b *bbob) both(condition float64) matrix {
	return b.first().scale(b.powers(math.Sqrt(condition))).times(b.second())
}

// powers returns base^(i/(d-1)) for each i.
func (b *bbob) powers(base float64) []float64 {
	p := make([]float64, b.d)
	for i, e := range b.e {
		p[i] = math.Pow(base, e)
	}
	return p
}

// shifted returns x - xopt.
func (b *bbob) shifted(x []float64) []float64 {
	z := make([]float64, b.d)
	for i := range z {
		z[i] = x[i] - b.xopt[i]
	}
	return z
}

// outside is the squared distance of x from the box [-bound, bound]^d.
func outside(x []float64, bound float64) float64 {
	s := 0.0
	for _, v := range x {
		if o := math.Abs(v) - bound; o > 0 {
			s += o * o
		}
	}
	return s
}

// oscillate applies T_osz of the definition to each element, which adds ripples, and returns z.
func oscillate(z []float64) []float64 {
	for i, v := range z {
		switch {
		case v > 0:
			// 0 stays 0, so the optimum keeps its place.
			l := 10 * math.Log(v)
			z[i] = math.Exp(0.1 * (l + 0.49*(math.Sin(l)+math.Sin(0.79*l))))
		case v < 0:
			l := 10 * math.Log(-v)
			z[i] = -math.Exp(0.1 * (l + 0.49*(math.Sin(0.55*l)+math.Sin(0.31*l))))
		}
	}
	return z
}

// skew applies T_asy^beta of the definition to each element, which breaks the symmetry, and returns
// z.
func (b *bbob) skew(z []float64, beta float64) []float64 {
	for i, v := range z {
		if v > 0 {
			z[i] = math.Pow(v, 1+beta*b.e[i]*math.Sqrt(v))
		}
	}
	return z
}

// ripples is Rastrigin's function: 10·(d - Σ cos 2πz) + |z|².
func ripples(z []float64) float64 {
	cosines := 0.0
	for _, v := range z {
		cosines += math.Cos(2 * math.Pi * v)
	}
	return 10*(float64(len(z))-cosines) + dot(z, z)
}
