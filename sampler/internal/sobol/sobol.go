// Package sobol computes points of the Sobol sequence, each from its index
// alone, in up to MaxDim dimensions.
//
// See Sobol', "On the distribution of points in a cube and the approximate
// evaluation of integrals" (USSR Comput. Math. Math. Phys. 7, 1967), and Joe
// and Kuo, "Constructing Sobol sequences with better two-dimensional
// projections" (SIAM J. Sci. Comput. 30, 2008), whose primitive polynomials and
// initial direction numbers the table holds (new-joe-kuo-6.21201, up to
// dimension 1111, https://web.maths.unsw.edu.au/~fkuo/sobol/).
package sobol

import (
	_ "embed"
	"fmt"
	"math/bits"
	"strings"
	"sync"

	"github.com/bluefin-hpo/bluefin/sampler/internal/splitmix"
)

// MaxDim is the largest number of dimensions.
const MaxDim = 1111

// width is the number of binary digits of a coordinate: all that a float64 in
// [0.5, 1) has.
const width = 53

// joeKuo has a line "d s a m_1 … m_s" for each dimension d from 2 on.
//
//go:embed joe-kuo-d6.txt
var joeKuo string

// A polynomial is a primitive polynomial modulo 2 with the first direction
// numbers of a dimension.
type polynomial struct {
	a uint64   // the coefficients between the leading and the last one
	m []uint64 // m_1 … m_s, s being the degree
}

// table returns the polynomials of all dimensions. The one of dimension 0 has degree
// 0.
var table = sync.OnceValue(func() []polynomial {
	all := make([]polynomial, 1, MaxDim)
	for line := range strings.Lines(joeKuo) {
		var d, s int
		var p polynomial
		fields := strings.NewReader(line)
		if _, err := fmt.Fscan(fields, &d, &s, &p.a); err != nil || d != len(all)+1 {
			panic("sobol: bad table: " + line)
		}
		p.m = make([]uint64, s)
		for i := range p.m {
			if _, err := fmt.Fscan(fields, &p.m[i]); err != nil {
				panic("sobol: bad table: " + line)
			}
		}
		all = append(all, p)
	}
	return all
})

// A Scramble is a random permutation of the unit interval that keeps its
// binary structure, so that a scrambled sequence is as even as the plain one
// and every point of it is uniform: nested uniform scrambling, Owen, "Randomly
// permuted (t,m,s)-nets and (t,s)-sequences" (1995). Each binary digit is
// flipped by a hash of the digits before it.
type Scramble struct{ Seed uint64 }

// At returns coordinate dim, from 0, of the point with the given index, from
// 0, in [0, 1). The sequence is in the order of the Gray code. Without a
// scramble, nil, the first point is 0 in all coordinates. It panics unless
// 0 ≤ dim < MaxDim.
func At(index uint64, dim int, s *Scramble) float64 {
	x := integer(index, dim)
	if s != nil {
		x = s.permute(x, dim)
	}
	return float64(x) / (1 << width)
}

// integer returns the coordinate times 2^width.
func integer(index uint64, dim int) uint64 {
	p := table()[dim]
	s := len(p.m)
	gray := index ^ index>>1
	n := min(bits.Len64(gray), width)
	var v [width]uint64 // v[k] = m_{k+1}, scaled below to v_{k+1} = m_{k+1}/2^{k+1}
	x := uint64(0)
	for k := range n {
		switch {
		case s == 0:
			v[k] = 1
		case k < s:
			v[k] = p.m[k]
		default: // Joe & Kuo (2008), eq. (2)
			v[k] = v[k-s] ^ v[k-s]<<s
			for i := 1; i < s; i++ {
				v[k] ^= (p.a >> (s - 1 - i) & 1) * (v[k-i] << i)
			}
		}
		if gray>>k&1 == 1 {
			x ^= v[k] << (width - 1 - k)
		}
	}
	return x
}

// permute scrambles the width digits of x.
func (s *Scramble) permute(x uint64, dim int) uint64 {
	key := splitmix.Mix(s.Seed ^ splitmix.Mix(uint64(dim)))
	y := uint64(0)
	for k := width - 1; k >= 0; k-- {
		prefix := x >> (k + 1) // the width-1-k digits before
		flip := splitmix.Mix(key+uint64(k)*0x9e3779b97f4a7c15+splitmix.Mix(prefix)) >> 63
		y = y<<1 | (x>>k&1 ^ flip)
	}
	return y
}
