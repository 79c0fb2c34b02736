package curve

import (
	"encoding/binary"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
)

// A Curve is what was observed of one curve.
type Curve struct {
	X      []float64 // d: the setting
	Steps  []float64 // positions, increasing: 0 is where curves start, 1 where they end
	Values []float64 // at Steps, of about mean 0 and variance 1 over all curves
}

// A basis holds R factors of the covariance of steps: steps(s, t) = factors(s)·factors(t), up to a
// remainder far below the noise. Curves are smooth, so few are enough, and a curve of any length
// becomes at most R rows of the covariance.
type basis struct {
	kernel  Kernel
	grid    []float64   // all positions, increasing, and 1 last
	factors [][]float64 // by position: R each
	shapes  map[string]*shape
}

// newBasis factorizes the covariance of the positions of curves by Cholesky's method, until the largest
// remaining variance is at most tolerance or there are limit factors.
func newBasis(kernel Kernel, curves []Curve, limit int, tolerance float64) *basis {
	grid := []float64{1}
	for _, c := range curves {
		grid = append(grid, c.Steps...)
	}
	slices.Sort(grid)
	grid = slices.Compact(grid)
	b := &basis{kernel: kernel, grid: grid, factors: make([][]float64, len(grid)), shapes: map[string]*shape{}}
	rest := slices.Repeat([]float64{kernel.Level + kernel.Scale}, len(grid))
	far := slices.Repeat([]float64{math.Inf(1)}, len(grid)) // the distance from the nearest pivot
	for k := range min(limit, len(grid)) {
		if k > 0 && slices.Max(rest) <= tolerance {
			break
		}
		p := len(grid) - 1
		if k > 0 {
			p = floats.MaxIdx(far)
		}
		for i, t := range grid {
			far[i] = math.Min(far[i], math.Abs(t-grid[p]))
		}
		if rest[p] <= 1e-12*(kernel.Level+kernel.Scale) {
			continue
		}
		root := math.Sqrt(rest[p])
		pivot := b.factors[p]
		for i, t := range grid {
			f := (kernel.steps(grid[p], t) - floats.Dot(pivot, b.factors[i][:len(pivot)])) / root
			if i == p {
				f = root
			}
			b.factors[i] = append(b.factors[i][:len(pivot):len(pivot)], f)
			rest[i] = math.Max(rest[i]-f*f, 0)
		}
		rest[p] = 0
	}
	return b
}

// at returns the index of a position, which must be in the grid.
func (b *basis) at(position float64) int {
	i, _ := slices.BinarySearch(b.grid, position)
	return i
}

// A shape is what all curves observed at the same m steps share. The values y of such a curve are
//
//	y = Φ w(x) + g,  g ~ N(0, D),
//
// with the factors Φ and what is the curve's own, D. With D = L·Lᵀ and the QR decomposition of
// L⁻¹Φ, only the first r = min(m, R) entries of QᵀL⁻¹y depend on w: the rows of the curve. The
// others are noise.
type shape struct {
	rows    [][]float64 // r×R: the entries are rows·w plus noise of variance 1
	project [][]float64 // r×m: Qᵀ L⁻¹
	white   [][]float64 // m×m: L⁻¹
	logDet  float64     // of L
}

// shape returns the shape of curves observed at the steps; nil if D is singular.
func (b *basis) shape(steps []float64) *shape {
	var key []byte
	for _, s := range steps {
		key = binary.AppendUvarint(key, uint64(b.at(s)))
	}
	if s, ok := b.shapes[string(key)]; ok {
		return s
	}
	s := b.newShape(steps)
	b.shapes[string(key)] = s
	return s
}

func (b *basis) newShape(steps []float64) *shape {
	m := len(steps)
	own := mat.NewSymDense(m, nil)
	for i, s := range steps {
		for j, t := range steps[:i+1] {
			own.SetSym(i, j, b.kernel.own(s, t))
		}
		own.SetSym(i, i, b.kernel.Own+b.kernel.Noise)
	}
	var chol mat.Cholesky
	if !chol.Factorize(own) {
		return nil
	}
	var lower, inverse mat.TriDense
	chol.LTo(&lower)
	if inverse.InverseTri(&lower) != nil {
		return nil
	}
	factors := len(b.factors[0])
	phi := mat.NewDense(m, factors, nil)
	for i, s := range steps {
		phi.SetRow(i, b.factors[b.at(s)])
	}
	var scaled mat.Dense
	scaled.Mul(&inverse, phi)
	sh := &shape{white: rowsOf(&inverse), logDet: chol.LogDet() / 2}
	if m <= factors {
		sh.rows, sh.project = rowsOf(&scaled), sh.white
		return sh
	}
	var qr mat.QR
	qr.Factorize(&scaled)
	var q, r, projected mat.Dense
	qr.QTo(&q)
	qr.RTo(&r)
	projected.Mul(q.Slice(0, m, 0, factors).T(), &inverse)
	sh.rows, sh.project = rowsOf(r.Slice(0, factors, 0, factors)), rowsOf(&projected)
	return sh
}

// rest returns a·b less what the rows of the shape keep of it, for a, b of length m: the part of
// aᵀD⁻¹b that does not depend on other curves.
func (s *shape) rest(a, b []float64) float64 {
	wa, wb := times(s.white, a), times(s.white, b)
	pa, pb := times(s.project, a), times(s.project, b)
	return floats.Dot(wa, wb) - floats.Dot(pa, pb)
}

func rowsOf(m mat.Matrix) [][]float64 {
	n, _ := m.Dims()
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = mat.Row(nil, i, m)
	}
	return rows
}

func times(rows [][]float64, x []float64) []float64 {
	y := make([]float64, len(rows))
	for i, r := range rows {
		y[i] = floats.Dot(r, x)
	}
	return y
}

// vector is a slice as BLAS takes it.
func vector(x []float64) blas64.Vector { return blas64.Vector{N: len(x), Inc: 1, Data: x} }
