package parzen

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/fastexp"
	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// A mixture is a weighted sum of n product kernels and the prior, whose weight is 1.
//
// LogPDF starts with the log of the largest value of each kernel and lowers it axis by axis. It
// drops a kernel as soon as it is too low to matter, so most kernels cost only the first few
// axes.
type mixture struct {
	weights  []float64 // n
	top      []float64 // n, log of the largest value, without choices
	order    []int32   // the kernels to sum, from the last to the first
	axes     []factors
	fours    [][]four // of n each: the continuous axes, four at a time
	single   bool     // the last of the fours has one axis
	logTotal float64  // log of the sum of all weights, including the prior's
}

// A four is a kernel on four continuous axes: mu and 1/(√2σ), which is 0 where there is no axis.
type four [4]struct{ mu, inv float64 }

// A stepped is a kernel on an axis with cells.
type stepped struct {
	mu, inv float64
	table   []float64 // see Axis.table
	number  uint32    // see masses
}

// factors are the n kernels on one axis. The kind of the axis decides which fields are in use.
type factors struct {
	Axis
	four, at int       // continuous: mixture.fours[four][k][at]
	stepped  []stepped // with cells
	choices  []float64 // with choices: the observed one or Missing

	// With choices: the log probability of the observed one, how much lower that of any other is,
	// and how much lower that of each is if none was observed.
	hit, miss, lack float64
}

// newMixture returns a mixture of n kernels, all unset.
func newMixture(axes []Axis, n int) mixture {
	m := mixture{top: make([]float64, n), axes: make([]factors, len(axes))}
	continuous := 0
	for i := range axes {
		f, a := &m.axes[i], &axes[i]
		if a.Cells != 0 && a.masses == nil {
			a.masses = &masses{}
		}
		f.Axis = *a
		switch {
		case a.Choices > 0:
			f.choices = make([]float64, n)
		case a.Cells != 0:
			f.stepped = make([]stepped, n)
		default:
			if f.four, f.at = continuous/4, continuous%4; f.at == 0 {
				m.fours = append(m.fours, make([]four, n))
			}
			continuous++
		}
	}
	m.single = continuous%4 == 1
	return m
}

// grow makes room for a kernel.
func (m *mixture) grow() {
	m.weights, m.top = append(m.weights, 0), append(m.top, 0)
	for i := range m.fours {
		m.fours[i] = append(m.fours[i], four{})
	}
	for i := range m.axes {
		switch f := &m.axes[i]; {
		case f.Choices > 0:
			f.choices = append(f.choices, 0)
		case f.Cells != 0:
			f.stepped = append(f.stepped, stepped{})
		}
	}
}

// set sets kernel k on numeric axis i. It returns the log of the largest value there.
func (m *mixture) set(i, k int, mu, sigma float64, table []float64) (top float64, ends truncnorm.Ends) {
	f, inv := &m.axes[i], 1/(math.Sqrt2*sigma)
	ends = truncnorm.NewEnds(-mu/sigma, (1-mu)/sigma)
	top = -ends.LogMass()
	if f.Cells != 0 {
		f.stepped[k] = stepped{mu: mu, inv: inv, table: table}
		if table == nil {
			f.stepped[k].number = f.masses.kernel(mu, inv)
		}
		return top, ends
	}
	m.fours[f.four][k][f.at].mu, m.fours[f.four][k][f.at].inv = mu, inv
	return top + truncnorm.LogPhi(0) - math.Log(sigma), ends
}

// setChoices sets the probabilities and returns that of the observed choice. Every choice has
// weight 1/(n+1) and the observed one 1 more. If that leaves less than other to the rest, their
// weight is larger.
func (f *factors) setChoices(n int, other float64) float64 {
	choices, base := float64(f.Choices), 1/float64(n+1)
	if other > 0 {
		// Of the total 1 + C·base, (C-1)·base is on the others.
		base = max(base, other/(choices-1-choices*other))
	}
	total := 1 + choices*base
	f.hit = math.Log((1 + base) / total)
	f.miss = f.hit - math.Log(base/total)
	f.lack = f.hit + math.Log(choices)
	return (1 + base) / total
}

// block is the number of kernels summed at a time. Each block raises the floor for the next.
const block = 32

// work is the state of one call of LogPDF or Best. The sum at point j is exp(ref[j])·sum[j]; its
// log is logSum[j].
type work struct {
	*mixture
	lo, hi   [][]float64
	ref, sum []float64
	logSum   []float64
	left     []int       // kernels of order that are not summed yet
	hits     float64     // sum of hit over all axes
	least    float64     // log of the share of a sum below which a kernel does not matter
	cells    []int       // the axes with cells
	priors   [][]float64 // for each of these, the prior's log mass at each point
	numbers  [][]uint32  // for each of these, the number of the cell of each point, see masses; 0: none

	log     [block]float64 // of the kernels that still matter
	kernels [block]int32
}

// LogPDF writes the log of the mixture at each point to dst. On each axis, point j is the
// interval from lo[axis][j] to hi[axis][j]; the axis contributes its mass there, or its density
// if the two are equal. Only axes with cells have masses. For a choice both are its index.
func (m *mixture) LogPDF(dst []float64, lo, hi [][]float64) {
	w := m.newWork(len(dst), lo, hi)
	for j := range dst {
		for w.left[j] > 0 {
			w.add(j)
		}
		dst[j] = w.value(j)
	}
}

// newWork starts each sum with the prior.
func (m *mixture) newWork(points int, lo, hi [][]float64) *work {
	w := &work{
		mixture: m, lo: lo, hi: hi, least: -30 - m.logTotal,
		ref: make([]float64, points), sum: make([]float64, points),
		logSum: make([]float64, points), left: make([]int, points),
	}
	w.start()
	return w
}

// value returns the log of what is summed at point j.
func (w *work) value(j int) float64 { return w.logSum[j] + w.hits - w.logTotal }

// start sets each sum to the prior.
func (w *work) start() {
	for j := range w.sum {
		w.sum[j], w.left[j] = 1, len(w.order)
	}
	for i := range w.axes {
		f := &w.axes[i]
		w.hits += f.hit
		if f.Cells != 0 {
			w.cells = append(w.cells, i)
			w.priors = append(w.priors, make([]float64, len(w.sum)))
			w.numbers = append(w.numbers, make([]uint32, len(w.sum)))
		}
		for j := range w.ref {
			lo, hi := w.lo[i][j], w.hi[i][j]
			var p float64
			// Few equal cells have tables, so their numbers would not pay.
			if c := len(w.cells) - 1; f.Cells != 0 && (f.Cells < 0 || f.Cells > fewCells) && lo != hi {
				w.numbers[c][j] = f.masses.cells.get(lo, hi)
				p = f.masses.prior(w.numbers[c][j], lo, hi)
			} else {
				p = f.prior(lo, hi)
			}
			if w.ref[j] += p - f.hit; f.Cells != 0 {
				w.priors[len(w.cells)-1][j] = p
			}
		}
	}
	copy(w.logSum, w.ref)
}

// add adds the next block of kernels to the sum at point j.
func (w *work) add(j int) {
	order := w.order[max(0, w.left[j]-block):w.left[j]]
	w.left[j] -= len(order)
	floor := w.logSum[j] + w.least
	for _, i := range w.cells {
		if w.lo[i][j] == w.hi[i][j] {
			floor -= peak // a density may raise a kernel
		}
	}
	log, kernels, n := w.log[:], w.kernels[:], len(order)
	copy(kernels, order)
	for t, k := range order {
		log[t] = w.top[k]
	}
	var x [4]float64
	four := 0
	for i := range w.axes {
		f := &w.axes[i]
		switch {
		case f.Choices > 0:
			n = f.lower(w.lo[i][j], floor, log[:n], kernels[:n])
		case f.Cells == 0:
			x[f.at] = w.lo[i][j]
			if f.at == 3 {
				n = lower(w.fours[four], &x, floor, log[:n], kernels[:n])
				four++
			}
		}
	}
	if four < len(w.fours) {
		if w.single {
			n = lowerFirst(w.fours[four], x[0], floor, log[:n], kernels[:n])
		} else {
			n = lower(w.fours[four], &x, floor, log[:n], kernels[:n])
		}
	}
	for c, i := range w.cells {
		n = w.lower(c, w.axes[i].stepped, j, floor, log[:n], kernels[:n])
	}
	if n == 0 {
		return
	}
	top := w.ref[j]
	for _, v := range log[:n] {
		if v > top {
			top = v
		}
	}
	sum := w.sum[j] * fastexp.Neg(w.ref[j]-top)
	for t, k := range kernels[:n] {
		sum += w.weights[k] * fastexp.Neg(log[t]-top)
	}
	w.ref[j], w.sum[j], w.logSum[j] = top, sum, top+math.Log(sum)
}

// The functions named lower subtract from the logs of some kernels what one axis, or four, cost
// them. They move those above the floor to the front and return how many there are.

func lower(fours []four, x *[4]float64, floor float64, log []float64, kernels []int32) int {
	log = log[:len(kernels)]
	n := 0
	for t, k := range kernels {
		f := &fours[k]
		a, b := (x[0]-f[0].mu)*f[0].inv, (x[1]-f[1].mu)*f[1].inv
		c, d := (x[2]-f[2].mu)*f[2].inv, (x[3]-f[3].mu)*f[3].inv
		v := log[t] - (a*a + b*b) - (c*c + d*d)
		log[n], kernels[n] = v, k
		if v > floor {
			n++
		}
	}
	return n
}

// lowerFirst is lower where only the first of the four axes is there.
func lowerFirst(fours []four, x, floor float64, log []float64, kernels []int32) int {
	log = log[:len(kernels)]
	n := 0
	for t, k := range kernels {
		f := &fours[k][0]
		a := (x - f.mu) * f.inv
		v := log[t] - a*a
		log[n], kernels[n] = v, k
		if v > floor {
			n++
		}
	}
	return n
}

func (f *factors) lower(choice, floor float64, log []float64, kernels []int32) int {
	n := 0
	for t, k := range kernels {
		v := log[t]
		switch f.choices[k] {
		case choice:
		case Missing:
			v -= f.lack
		default:
			v -= f.miss
		}
		log[n], kernels[n] = v, k
		if v > floor {
			n++
		}
	}
	return n
}

func (w *work) lower(c int, rows []stepped, j int, floor float64, log []float64, kernels []int32) int {
	a := &w.axes[w.cells[c]].Axis
	cell := place{w.lo[w.cells[c]][j], w.hi[w.cells[c]][j], w.priors[c][j], w.numbers[c][j]}
	middle, cells := (cell.lo+cell.hi)/2, float64(a.Cells)
	n := 0
	for t, k := range kernels {
		f, v := &rows[k], log[t]
		if f.table != nil {
			v += f.table[int(math.Abs(f.mu-middle)*cells+0.5)]
		} else {
			v += a.mass(f, &cell, floor-v)
		}
		log[n], kernels[n] = v, k
		if v > floor {
			n++
		}
	}
	return n
}

// A place is a point on an axis with cells.
type place struct {
	lo, hi float64
	prior  float64 // the log mass of the prior
	cell   uint32  // its number, see masses; 0: none
}

// mass returns the log mass of a kernel in a cell, or -Inf if it is below least.
func (a *Axis) mass(f *stepped, p *place, least float64) float64 {
	z := 0.0
	if p.lo > f.mu {
		z = (p.lo - f.mu) * f.inv
	} else if p.hi < f.mu {
		z = (f.mu - p.hi) * f.inv
	}
	switch {
	case f.number == priorKernel:
		return p.prior + priorMass
	case p.lo == p.hi:
		return truncnorm.LogPhi(0) + math.Log(math.Sqrt2*f.inv) - z*z
	case -z*z <= least:
		return math.Inf(-1)
	}
	return a.masses.of(f, p)
}
