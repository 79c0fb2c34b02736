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

	tables   [][]float64 // by numeric axis, see cellTable; nil: there is none
	tableInv float64     // of the kernels that they are for
}

// logSum implements frozen. What is left out is bounded: a kernel or a box of
// kernels is, if it cannot be more than the share e^-depth of the sum so far; a
// kernel, if it cannot be more than that of the n-th part of it.
func (f *frozenTrees) logSum(p *point, depth, stop float64) (low, high float64) {
	w := walk{f: f, point: p, ref: p.logPrior, sum: 1, logSum: p.logPrior, stop: stop}
	w.boxSlack = -depth - p.reach
	w.slack = w.boxSlack - math.Log(float64(f.ramp.n))
	if depth == exact {
		w.boxSlack = math.Inf(-1)
	}
	w.setFloor()
	for i := range f.trees {
		w.tree = &f.trees[i]
		w.boxSize, w.stride = w.tree.boxSize(), w.tree.stride()
		if w.tree.size > 0 && (i == 0 || w.logSum <= stop) && w.counts(w.bound(w.tree.box), w.tree.box) {
			w.visit(w.tree.root)
		}
	}
	return w.logSum, w.ref + math.Log(w.sum+w.rest) + math.Exp(-depth)
}

// A walk is a sum while kernels are added.
type walk struct {
	f *frozenTrees
	*point
	slack, boxSlack float64
	floor, boxFloor float64 // kernels and boxes that are not above do not count
	ref             float64 // the sum is sum·exp(ref)
	sum             float64
	rest            float64 // at most what boxes that do not count would add to sum
	logSum          float64 // of the leaves so far
	stop            float64

	*tree
	boxSize, stride int
}

func (w *walk) setFloor() {
	w.logSum = w.ref + math.Log(w.sum)
	w.floor, w.boxFloor = w.logSum+w.slack, w.logSum+w.boxSlack
}

// counts reports whether the kernels in a box have to be looked at.
func (w *walk) counts(bound float64, box []float64) bool {
	if bound <= w.floor {
		return false // as if each had been looked at
	}
	all := bound + box[1]
	if all > w.boxFloor {
		return true
	}
	w.rest += expNeg(all + w.reach - w.ref) // is far below 0
	return false
}

// visit adds the kernels below n, near ones first.
func (w *walk) visit(n *node) {
	for n.child[0] != nil {
		near, far := n.child[0], n.child[1]
		nearBox, farBox := n.boxes[:w.boxSize], n.boxes[w.boxSize:]
		nearBound, farBound := w.bound(nearBox), w.bound(farBox)
		if farBound > nearBound {
			near, far, nearBox, farBox, nearBound, farBound = far, near, farBox, nearBox, farBound, nearBound
		}
		if w.counts(nearBound, nearBox) {
			w.visit(near)
		}
		if w.logSum > w.stop || !w.counts(farBound, farBox) {
			return
		}
		n = far
	}
	before := w.sum
	switch {
	case w.cells:
		w.addCells(n)
	case w.plain:
		w.addPlain(n)
	default:
		w.add(n)
	}
	if w.sum != before {
		w.setFloor()
	}
}

// bound returns the logarithm that no kernel in the box exceeds at the point,
// up to p.reach. It has few branches, as none of them could be foreseen.
func (w *walk) bound(box []float64) float64 {
	s, b := box[0], box[head:]
	switch {
	case w.plain && !w.cells:
		sum := 0.0
		for _, x := range w.lo {
			low, high := b[0], b[1]
			d := math.Abs(x-low) + math.Abs(x-high) + (low - high) // twice the distance
			sum += d * d
			b = b[2:]
		}
		s -= sum * (plainInv / 4)
	default:
		wide := b[2*(len(w.lo)+len(w.choices)):]
		for i, lo := range w.lo {
			low, high, hi := b[0], b[1], w.hi[i]
			d := math.Abs(hi-low) + math.Abs(lo-high) + (low - high) + (lo - hi)
			inv := plainInv
			if !w.plain {
				inv = wide[i]
			}
			s -= d * d * (inv / 4)
			b = b[2:]
		}
	}
	for i, c := range w.choices {
		if (c < b[2*i] || c > b[2*i+1]) && b[2*i] != Missing {
			s -= w.miss
		}
	}
	return s
}

// plainInv is 1/2σ² of a plain kernel.
const plainInv = 1 / (2 * leastDeviation * leastDeviation)

// The following add the kernels of a leaf. They look whether a kernel counts
// after every few axes only: mostly that cannot be foreseen.
const fewAxes = 6

// addPlain adds plain kernels; no axis has cells.
func (w *walk) addPlain(leaf *node) {
	rows, stride, x := leaf.rows, w.stride, w.lo
	first := x[:min(fewAxes, len(x))]
kernels:
	for _, number := range leaf.numbers {
		row := rows[:stride]
		rows = rows[stride:]
		sum, mu := 0.0, row[1:1+len(first)]
		for i, v := range first {
			z := v - mu[i]
			sum += z * z
		}
		s := row[0] - sum*plainInv
		if s <= w.floor {
			continue
		}
		if len(x) > fewAxes {
			sum, mu = 0.0, row[1:1+len(x)]
			for i := fewAxes; i < len(x); i++ {
				z := x[i] - mu[i]
				sum += z * z
				if i%fewAxes == 0 && s-sum*plainInv <= w.floor {
					continue kernels
				}
			}
			s -= sum * plainInv
		}
		if s = w.minusMisses(s, row[1+len(x):]); s > w.floor {
			w.addTerm(s, number)
		}
	}
}

// add adds kernels; no axis has cells.
func (w *walk) add(leaf *node) {
	rows, wide := leaf.rows, 1+len(w.lo)+len(w.choices)
kernels:
	for _, number := range leaf.numbers {
		row, inv := rows[:wide], rows[wide:w.stride]
		rows = rows[w.stride:]
		s := row[0]
		row = row[1:]
		for x := w.lo; len(x) > 0; {
			n := min(fewAxes, len(x))
			for i, v := range x[:n] {
				z := v - row[i]
				s -= z * z * inv[i]
			}
			if s <= w.floor {
				continue kernels
			}
			x, row, inv = x[n:], row[n:], inv[n:]
		}
		if s = w.minusMisses(s, row); s > w.floor {
			w.addTerm(s, number)
		}
	}
}

// minusMisses returns s less what other choices than those of the point cost,
// and none.
func (w *walk) minusMisses(s float64, choices []float64) float64 {
	for i, c := range w.choices {
		switch choices[i] {
		case c:
		case Missing:
			s -= w.lack[i]
		default:
			s -= w.miss
		}
	}
	return s
}

// addCells adds kernels; some axes have cells. On those a kernel's mass is
// below exp(-d²/2σ²), d the distance from mu to the cell.
func (w *walk) addCells(leaf *node) {
	wide := 1 + len(w.lo) + len(w.choices)
	floor := w.floor + w.reach - w.excess // what follows is exact
kernels:
	for k, number := range leaf.numbers {
		row := leaf.rows[k*w.stride : (k+1)*w.stride]
		s := w.minusMisses(row[0], row[1+len(w.lo):])
		inv, slow := plainInv, false
		for i, lo := range w.lo {
			mu, hi := row[1+i], w.hi[i]
			if !w.plain {
				inv = row[wide+i]
			}
			switch {
			case !w.isCell[i]:
				s -= (lo - mu) * (lo - mu) * inv
			case w.f.tables[i] != nil && inv == w.f.tableInv:
				table := w.f.tables[i]
				s += table[int(math.Abs(mu-(lo+hi)/2)*float64(len(table))+0.5)]
			default:
				slow = true
				z := max(lo-mu, mu-hi, 0)
				if s-z*z*inv <= floor {
					continue kernels
				}
			}
			if s <= floor {
				continue kernels
			}
		}
		if slow {
			s += w.slowCells(row)
		}
		w.addTerm(s, number)
	}
}

// slowCells returns what the axes add for which there is no table.
func (w *walk) slowCells(row []float64) float64 {
	s, inv := 0.0, plainInv
	for i, lo := range w.lo {
		mu, hi := row[1+i], w.hi[i]
		if !w.plain {
			inv = row[1+len(w.lo)+len(w.choices)+i]
		}
		switch {
		case !w.isCell[i], w.f.tables[i] != nil && inv == w.f.tableInv:
		case lo == hi:
			s += truncnorm.LogPhi(0) + math.Log(2*inv)/2 - (lo-mu)*(lo-mu)*inv
		default:
			r := math.Sqrt(2 * inv)
			s += truncnorm.LogMass((lo-mu)*r, (hi-mu)*r)
		}
	}
	return s
}

// addTerm adds a kernel whose logarithm is s.
func (w *walk) addTerm(s float64, number int) {
	weight := w.f.ramp.weight(w.f.ranks.rank(number))
	if s > w.ref {
		scale := expNeg(w.ref - s)
		w.sum *= scale
		w.rest *= scale
		w.ref = s
		w.sum += weight
		return
	}
	w.sum += weight * expNeg(s-w.ref)
}
