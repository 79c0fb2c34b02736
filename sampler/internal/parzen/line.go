package parzen

import (
	"math"
	"slices"
)

// line is the index of a single axis. Plain kernels all have one shape, so that
// a few moments of those in a bin stand for all of them, at any point: the fast
// Gauss transform (Greengard and Strain, SIAM J. Sci. Stat. Comput. 12, 1991),
// with the bins of the sources one deviation wide. A sum over any number of
// kernels costs that over the bins near the point.
//
// The weight of an old kernel is a + b·rank, and a and b change with every
// observation. Therefore each moment is kept twice, summed up once and weighted
// with the ranks once. When an observation comes or goes the ranks of all with
// higher numbers shift by one; the moments of blocks of numbers make that cheap.
//
// If the axis has choices, they are the bins, with one moment.
type line struct {
	choices int         // 0: numeric
	bins    int         //
	terms   int         // moments of each bin
	sums    []float64   // bins×terms, Σ m, m as of moments
	ranked  []float64   // bins×terms, Σ rank·m
	blocks  [][]float64 // Σ m of the numbers of each block, by bins×terms; nil: none
	special []int       // numbers of the special kernels, increasing

	scratch [terms]float64
}

const (
	blockSize = 2048 // numbers

	// terms is where the series of a kernel at most half a deviation from the
	// middle of its bin ends. The k-th term is less than exp(-t²/4)/(2ᵏ√k!)
	// times the largest value of a kernel, t deviations away.
	terms = 22
)

func newLine(a Axis) *line {
	l := &line{choices: a.Choices, bins: leastPart, terms: terms}
	if a.Choices > 0 {
		l.bins, l.terms = a.Choices, 1
	}
	l.sums, l.ranked = make([]float64, l.bins*l.terms), make([]float64, l.bins*l.terms)
	return l
}

// moments returns where in sums those of a plain kernel at x belong, and them:
// δᵏ/k! over the mass in [0, 1], δ the deviations from the middle of the bin.
// They are valid until the next call.
func (l *line) moments(x float64) (at int, m []float64) {
	if l.choices > 0 {
		l.scratch[0] = 1
		return int(x), l.scratch[:1]
	}
	bin := min(int(x*leastPart), leastPart-1)
	delta := x*leastPart - (float64(bin) + 0.5)
	v := 1.0
	if mass := logMass(x, leastDeviation); mass != 0 {
		v = math.Exp(-mass)
	}
	for k := range l.scratch {
		l.scratch[k] = v
		v *= delta * inverse[k+1]
	}
	return bin * terms, l.scratch[:]
}

// inverse[k] is 1/k.
var inverse = [terms + 1]float64{
	0, 1, 1.0 / 2, 1.0 / 3, 1.0 / 4, 1.0 / 5, 1.0 / 6, 1.0 / 7, 1.0 / 8, 1.0 / 9, 1.0 / 10, 1.0 / 11,
	1.0 / 12, 1.0 / 13, 1.0 / 14, 1.0 / 15, 1.0 / 16, 1.0 / 17, 1.0 / 18, 1.0 / 19, 1.0 / 20, 1.0 / 21, 1.0 / 22,
}

func (l *line) fill(all *Live) {
	for number, in := range all.in {
		if in != absent {
			l.put(all, number, in == special)
		}
	}
}

func (l *line) put(all *Live, number int, isSpecial bool) {
	if isSpecial {
		i, _ := slices.BinarySearch(l.special, number)
		l.special = slices.Insert(l.special, i, number)
		return
	}
	l.add(all, number, 1)
}

func (l *line) drop(all *Live, number int, isSpecial bool) {
	if isSpecial {
		i, _ := slices.BinarySearch(l.special, number)
		l.special = slices.Delete(l.special, i, i+1)
		return
	}
	l.add(all, number, -1)
}

// add adds the moments of a plain kernel, times sign.
func (l *line) add(all *Live, number int, sign float64) {
	at, m := l.moments(all.at(number)[0])
	rank := sign * float64(all.ranks.rankNow(number))
	for number/blockSize >= len(l.blocks) {
		l.blocks = append(l.blocks, make([]float64, len(l.sums)))
	}
	block := l.blocks[number/blockSize][at : at+len(m)]
	sums, ranked := l.sums[at:at+len(m)], l.ranked[at:at+len(m)]
	for k, v := range m {
		block[k] += sign * v
		sums[k] += sign * v
		ranked[k] += rank * v
	}
}

// shift implements index.
func (l *line) shift(all *Live, number int, delta float64) {
	block := number / blockSize
	for i := number + 1; i < min((block+1)*blockSize, len(all.in)); i++ {
		if all.in[i] == plain {
			at, m := l.moments(all.at(i)[0])
			for k, v := range m {
				l.ranked[at+k] += delta * v
			}
		}
	}
	for b := block + 1; b < len(l.blocks); b++ {
		for k, v := range l.blocks[b] {
			l.ranked[k] += delta * v
		}
	}
}

func (l *line) freeze(all *Live) frozen {
	f := &frozenLine{
		choices: l.choices, total: newRamp(all.Len()).sum(),
		moments: make([]float64, len(l.sums)),
	}
	r := newRamp(all.Len())
	for k, v := range l.sums {
		f.moments[k] = r.a*v + r.b*l.ranked[k]
	}
	for i, number := range all.ranks.last(min(recent, r.n)) {
		if all.in[number] != plain {
			continue
		}
		at, m := l.moments(all.at(number)[0])
		rank := r.n - 1 - i
		for k, v := range m {
			f.moments[at+k] += (r.weight(rank) - (r.a + r.b*float64(rank))) * v
		}
	}
	if l.choices > 0 {
		return f
	}
	f.setReach()
	frozen := all.ranks.freeze()
	f.special = make([]wideKernel, len(l.special))
	for i, number := range l.special {
		mu, sigma := all.at(number)[0], all.gaps(number)[0]
		f.special[i] = wideKernel{
			mu: mu, inv: 1 / (2 * sigma * sigma),
			weight: r.weight(frozen.rank(number)) * math.Exp(-logMass(mu, sigma)),
		}
	}
	return f
}
