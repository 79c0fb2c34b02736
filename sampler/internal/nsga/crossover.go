package nsga

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
)

// A Crossover makes a child of parents; see sampler.Crossover.
type Crossover uint8

// The crossovers, numbered as in package sampler.
const (
	Uniform Crossover = iota
	SBX
	VSBX
	BLXAlpha
	SPX
	UNDX
)

// parents returns how many parents a child has.
func (c Crossover) parents() int {
	if c == SPX || c == UNDX {
		return 3
	}
	return 2
}

// tries is how often a crossover is repeated until its child lies in the unit cube; after that its
// coordinates are clipped.
const tries = 50

// cross returns a child of parents in the unit cube.
func (c Crossover) cross(parents [][]float64, swap, eta float64, r *rand.Rand) []float64 {
	var child []float64
	for range tries {
		child = c.once(parents, swap, eta, r)
		inside := true
		for _, u := range child {
			inside = inside && 0 <= u && u <= 1
		}
		if inside {
			break
		}
	}
	for i, u := range child {
		child[i] = min(max(u, 0), 1)
	}
	return child
}

func (c Crossover) once(parents [][]float64, swap, eta float64, r *rand.Rand) []float64 {
	a, b := parents[0], parents[1]
	child := make([]float64, len(a))
	switch c {
	case SBX:
		for i := range child {
			child[i] = choose(a[i], b[i], r, func() (float64, float64) { return sbx(a[i], b[i], eta, r.Float64()) })
		}
	case VSBX:
		for i := range child {
			child[i] = choose(a[i], b[i], r, func() (float64, float64) { return vsbx(a[i], b[i], eta, r.Float64()) })
		}
	case BLXAlpha:
		const alpha = 0.5
		for i := range child {
			low, high := min(a[i], b[i]), max(a[i], b[i])
			margin := alpha * (high - low)
			child[i] = low - margin + r.Float64()*(high-low+2*margin)
		}
	case SPX:
		return spx(parents, r)
	case UNDX:
		return undx(parents, r)
	default:
		for i := range child {
			child[i] = a[i]
			if r.Float64() < swap {
				child[i] = b[i]
			}
		}
	}
	return child
}

// choose returns a parent's coordinate half of the time, otherwise one of the two that children makes.
func choose(a, b float64, r *rand.Rand, children func() (float64, float64)) float64 {
	if r.Float64() < 0.5 {
		a, b = children()
	}
	if r.Float64() < 0.5 {
		return b
	}
	return a
}

// sbx is simulated binary crossover in [0, 1]: Deb and Agrawal, "Simulated Binary Crossover for
// Continuous Search Space" (Complex Systems 9, 1995), bounded as in Deb's code.
func sbx(a, b, eta, u float64) (c, d float64) {
	low, high := min(a, b), max(a, b)
	width := max(high-low, 1e-10)
	spread := func(room float64) float64 {
		alpha := 2 - math.Pow(1+2*room/width, -(eta+1))
		if u <= 1/alpha {
			return math.Pow(u*alpha, 1/(eta+1))
		}
		return math.Pow(1/(2-u*alpha), 1/(eta+1))
	}
	return (low + high - spread(low)*width) / 2, (low + high + spread(1-high)*width) / 2
}

// vsbx is a form of SBX whose children may lie anywhere: Ballester and Carter, "Real-Parameter
// Genetic Algorithms for Finding Multiple Optimal Solutions in Multi-modal Optimization" (GECCO 2003).
func vsbx(a, b, eta, u float64) (c, d float64) {
	near, far := math.Pow(1/max(2*u, 0x1p-53), 1/(eta+1)), math.Pow(1/max(2*(1-u), 0x1p-53), 1/(eta+1))
	if u > 0.5 {
		near = -near
	}
	c = ((1+near)*a + (1-near)*b) / 2
	if u > 0.5 {
		return c, (-(1-far)*a + (3-far)*b) / 2
	}
	return c, ((3-far)*a - (1-far)*b) / 2
}

// spx is simplex crossover: Tsutsui, Yamamura and Higuchi, "Multi-parent Recombination with Simplex
// Crossover in Real Coded Genetic Algorithms" (GECCO 1999), with ε = √(d+2).
func spx(parents [][]float64, r *rand.Rand) []float64 {
	d, n := len(parents[0]), len(parents)
	center := make([]float64, d)
	for _, p := range parents {
		floats.AddScaled(center, 1/float64(n), p)
	}
	expanded := make([][]float64, n)
	for k, p := range parents {
		expanded[k] = make([]float64, d)
		floats.SubTo(expanded[k], p, center)
		floats.AddScaledTo(expanded[k], center, math.Sqrt(float64(d+2)), expanded[k])
	}
	offset := make([]float64, d)
	for k := 1; k < n; k++ {
		share := math.Pow(r.Float64(), 1/float64(k))
		for i := range offset {
			offset[i] = share * (expanded[k-1][i] - expanded[k][i] + offset[i])
		}
	}
	floats.Add(offset, expanded[n-1])
	return offset
}

// undx is unimodal normal distribution crossover: Ono and Kobayashi, "A Real-Coded Genetic Algorithm
// for Function Optimization Using Unimodal Normal Distribution Crossover" (ICGA 1997). The child is
// normal around the middle of two parents, as wide across their line as the third one is away.
func undx(parents [][]float64, r *rand.Rand) []float64 {
	a, b, c := parents[0], parents[1], parents[2]
	d := len(a)
	line, beside := make([]float64, d), make([]float64, d)
	floats.SubTo(line, a, b)
	floats.SubTo(beside, c, a)
	square := floats.Dot(line, line)
	if square > 0 {
		floats.AddScaled(beside, -floats.Dot(beside, line)/square, line)
	}
	distance := floats.Norm(beside, 2)
	// Isotropic noise without its part along the line has the law that the paper composes of a basis.
	across := make([]float64, d)
	for i := range across {
		across[i] = r.NormFloat64() * 0.35 / math.Sqrt(float64(d)) * distance
	}
	if square > 0 {
		floats.AddScaled(across, -floats.Dot(across, line)/square, line)
	}
	along := 0.5 * r.NormFloat64()
	for i := range across {
		across[i] += (a[i]+b[i])/2 + along*line[i]
	}
	return across
}

// polynomial mutates a coordinate of the unit interval: Deb and Goyal, "A Combined Genetic Adaptive
// Search (GeneAS) for Engineering Design" (Computer Science and Informatics 26, 1996).
func polynomial(x, eta float64, r *rand.Rand) float64 {
	u, power := r.Float64(), 1/(eta+1)
	if u < 0.5 {
		return x + math.Pow(2*u+(1-2*u)*math.Pow(1-x, eta+1), power) - 1
	}
	return x + 1 - math.Pow(2*(1-u)+2*(u-0.5)*math.Pow(x, eta+1), power)
}
