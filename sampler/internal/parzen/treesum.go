package parzen

import (
	"math"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// frozenTrees sum the kernels of two trees as they were.
type frozenTrees struct {
	trees [2]tree // plain and special kernels
	ranks ranks
	ramp  ramp
}

// logSum implements frozen. A subtree is left out if the logarithm of no term
// in it can exceed ln(eps/n) plus that of the sum so far, so that all that is
// left out adds at most the share eps.
func (f *frozenTrees) logSum(p *point, eps, stop float64) float64 {
	w := walk{frozenTrees: f, point: p, ref: p.logPrior, sum: 1, logSum: p.logPrior, stop: stop}
	w.slack = math.Log(eps/float64(f.ramp.n)) - p.reach
	w.floor = w.logSum + w.slack
	for i := range f.trees {
		if t := &f.trees[i]; t.size > 0 && w.logSum <= stop && w.bound(t.box) > w.floor {
			w.boxSize = t.boxSize()
			w.visit(t.root)
		}
	}
	return w.logSum
}

// A walk is a sum while kernels are added.
type walk struct {
	*frozenTrees
	*point
	slack  float64
	floor  float64 // kernels whose bound is not above do not count
	ref    float64 // the sum is sum·exp(ref)
	sum    float64
	logSum float64 // of the leaves so far
	stop   float64

	boxSize int
}

// visit adds the kernels below n, near ones first.
func (w *walk) visit(n *node) {
	for n.child[0] != nil {
		near, far := n.child[0], n.child[1]
		nearBound, farBound := w.bound(n.boxes[:w.boxSize]), w.bound(n.boxes[w.boxSize:])
		if farBound > nearBound {
			near, far, nearBound, farBound = far, near, farBound, nearBound
		}
		if nearBound <= w.floor {
			return
		}
		if farBound <= w.floor {
			n = near
			continue
		}
		w.visit(near)
		if farBound <= w.floor || w.logSum > w.stop {
			return
		}
		n = far
	}
	before := w.sum
	if w.cells {
		w.addCells(n)
	} else {
		w.add(n)
	}
	if w.sum != before {
		w.logSum = w.ref + math.Log(w.sum)
		w.floor = w.logSum + w.slack
	}
}

// bound returns the logarithm that no kernel in the box exceeds at the point,
// up to p.reach. It has no branch, as none of them could be foreseen.
func (w *walk) bound(box []float64) float64 {
	s := box[0]
	b := box[1:]
	if w.cells {
		for i, lo := range w.lo {
			low, high, x := b[3*i], b[3*i+1], w.hi[i]
			d := math.Abs(x-low) + math.Abs(lo-high) + low - high + lo - x
			s -= d * d * (b[3*i+2] / 4)
		}
	} else {
		for _, x := range w.lo {
			low, high := b[0], b[1]
			d := math.Abs(x-low) + math.Abs(x-high) + (low - high) // twice the distance
			s -= d * d * (b[2] / 4)
			b = b[3:]
		}
	}
	if len(w.choices) > 0 {
		b = box[1+3*len(w.lo):]
		for i, c := range w.choices {
			if c < b[2*i] || c > b[2*i+1] {
				s -= w.miss
			}
		}
	}
	return s
}

// add adds the kernels of a leaf; no axis has cells. It looks whether a kernel
// counts after every few axes only: mostly that cannot be foreseen.
func (w *walk) add(leaf *node) {
	const few = 6
	stride := 1 + 2*len(w.lo) + len(w.choices)
	rows := leaf.rows
kernels:
	for _, number := range leaf.numbers {
		row := rows[:stride]
		rows = rows[stride:]
		s := row[0]
		row = row[1:]
		for x := w.lo; len(x) > 0; {
			n := min(few, len(x))
			for i, v := range x[:n] {
				z := v - row[2*i]
				s -= z * z * row[2*i+1]
			}
			if s <= w.floor {
				continue kernels
			}
			x, row = x[n:], row[2*n:]
		}
		for i, c := range w.choices {
			if row[i] != c {
				s -= w.miss
			}
		}
		if s > w.floor {
			w.addTerm(s, number)
		}
	}
}

// addCells adds the kernels of a leaf; some axes have cells. On those a
// kernel's mass is below exp(-d²/2σ²), d the distance from mu to the cell.
func (w *walk) addCells(leaf *node) {
	stride := 1 + 2*len(w.lo) + len(w.choices)
kernels:
	for k, number := range leaf.numbers {
		row := leaf.rows[k*stride : (k+1)*stride]
		s := row[0]
		for i, lo := range w.lo {
			z := lo - row[1+2*i]
			if z < 0 {
				z = max(0, row[1+2*i]-w.hi[i])
			}
			if s -= z * z * row[2+2*i]; s <= w.floor {
				continue kernels
			}
		}
		for i, c := range w.choices {
			if row[1+2*len(w.lo)+i] != c {
				s -= w.miss
			}
		}
		if s <= w.floor {
			continue
		}
		s = row[0]
		for i, lo := range w.lo {
			mu, inv := row[1+2*i], row[2+2*i]
			switch hi := w.hi[i]; {
			case !w.isCell[i]:
				s -= (lo - mu) * (lo - mu) * inv
			case lo == hi:
				s += truncnorm.LogPhi(0) + math.Log(2*inv)/2 - (lo-mu)*(lo-mu)*inv
			default:
				r := math.Sqrt(2 * inv)
				s += truncnorm.LogMass((lo-mu)*r, (hi-mu)*r)
			}
		}
		for i, c := range w.choices {
			if row[1+2*len(w.lo)+i] != c {
				s -= w.miss
			}
		}
		w.addTerm(s, number)
	}
}

// addTerm adds a kernel whose logarithm is s.
func (w *walk) addTerm(s float64, number int) {
	weight := w.ramp.weight(w.ranks.rank(number))
	if s > w.ref {
		w.sum *= math.Exp(w.ref - s)
		w.ref = s
		w.sum += weight
		return
	}
	w.sum += weight * math.Exp(s-w.ref)
}
