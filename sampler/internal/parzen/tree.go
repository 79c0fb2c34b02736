package parzen

import (
	"math"
	"math/bits"
	"slices"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// A tree holds product kernels by where they are, in a k-d tree of boxes
// (Bentley, "Multidimensional Binary Search Trees Used for Associative
// Searching", CACM 18, 1975), so that whoever sums them can leave out the far
// ones together.
//
// A kernel is a row: the constant of its logarithm, then mu and 1/2σ² for each
// numeric axis, then a choice for each other axis. On an axis of cells the
// constant holds only what makes the kernel's mass 1.
type tree struct {
	root    *node
	numeric int // axes
	choice  int // axes
	size    int // kernels
}

// A node is a box of kernels. Nodes of another epoch than the Live's may be in
// use by a snapshot: they are copied before they change.
type node struct {
	epoch       uint64
	axis        int // column of a row: those below cut are on the left
	cut         float64
	left, right *node     // nil in a leaf
	top         float64   // at least the constant of every row
	bounds      []float64 // lowest and highest mu and lowest 1/2σ² for each numeric axis, lowest and highest choice for each other
	rows        []float64 // of a leaf
	numbers     []int     // of a leaf, one for each row
}

const leafCap = 16

func (t *tree) stride() int { return 1 + 2*t.numeric + t.choice }

// own returns n or, if it is of another epoch, a copy.
func (t *tree) own(n *node, epoch uint64) *node {
	if n.epoch == epoch {
		return n
	}
	c := *n
	c.epoch = epoch
	c.bounds = slices.Clone(n.bounds)
	if n.left == nil {
		c.rows = append(make([]float64, 0, (leafCap+1)*t.stride()), n.rows...)
		c.numbers = append(make([]int, 0, leafCap+1), n.numbers...)
	}
	return &c
}

// insert adds a kernel. It copies row.
func (t *tree) insert(row []float64, number int, epoch uint64) {
	t.size++
	if t.root == nil {
		t.root = t.build(slices.Clone(row), []int{number}, epoch)
		return
	}
	deepest := 2*bits.Len(uint(t.size/leafCap)) + 8
	t.root = t.own(t.root, epoch)
	at, depth := &t.root, 0
	for ; (*at).left != nil; depth++ {
		n := *at
		n.grow(row, t.numeric)
		if row[n.axis] < n.cut {
			at = &n.left
		} else {
			at = &n.right
		}
		*at = t.own(*at, epoch)
	}
	leaf := *at
	leaf.grow(row, t.numeric)
	leaf.rows, leaf.numbers = append(leaf.rows, row...), append(leaf.numbers, number)
	switch {
	case len(leaf.numbers) <= leafCap:
	case depth > deepest: // kernels that come in order make a list of it
		var rows []float64
		var numbers []int
		t.root.each(func(n *node) { rows, numbers = append(rows, n.rows...), append(numbers, n.numbers...) })
		t.root = t.build(rows, numbers, epoch)
	case len(leaf.numbers)%(leafCap/2) == 1: // a leaf of equal kernels cannot be split, do not try every time
		*at = t.build(leaf.rows, leaf.numbers, epoch)
	}
}

// remove takes out a kernel, of which row need only hold the coordinates.
func (t *tree) remove(row []float64, number int, epoch uint64) {
	t.size--
	t.root = t.own(t.root, epoch)
	at := &t.root
	for (*at).left != nil {
		n := *at
		if row[n.axis] < n.cut {
			at = &n.left
		} else {
			at = &n.right
		}
		*at = t.own(*at, epoch)
	}
	leaf, s := *at, t.stride()
	i, last := slices.Index(leaf.numbers, number), len(leaf.numbers)-1
	copy(leaf.rows[i*s:(i+1)*s], leaf.rows[last*s:])
	leaf.numbers[i] = leaf.numbers[last]
	leaf.rows, leaf.numbers = leaf.rows[:last*s], leaf.numbers[:last]
	leaf.top, leaf.bounds = math.Inf(-1), nil
	t.cover(leaf)
}

// each calls f for each leaf.
func (n *node) each(f func(leaf *node)) {
	if n.left == nil {
		f(n)
		return
	}
	n.left.each(f)
	n.right.each(f)
}

// grow widens the bounds to hold row as well.
func (n *node) grow(row []float64, numeric int) {
	n.top = max(n.top, row[0])
	b := n.bounds
	for i := range numeric {
		mu, inv := row[1+2*i], row[2+2*i]
		b[3*i], b[3*i+1], b[3*i+2] = min(b[3*i], mu), max(b[3*i+1], mu), min(b[3*i+2], inv)
	}
	for i, c := range row[1+2*numeric:] {
		k := 3*numeric + 2*i
		b[k], b[k+1] = min(b[k], c), max(b[k+1], c)
	}
}

// cover sets the bounds of a leaf.
func (t *tree) cover(leaf *node) {
	leaf.top = math.Inf(-1)
	leaf.bounds = make([]float64, 3*t.numeric+2*t.choice)
	for i := range t.numeric {
		leaf.bounds[3*i], leaf.bounds[3*i+1], leaf.bounds[3*i+2] = math.Inf(1), math.Inf(-1), math.Inf(1)
	}
	for i := range t.choice {
		k := 3*t.numeric + 2*i
		leaf.bounds[k], leaf.bounds[k+1] = math.Inf(1), math.Inf(-1)
	}
	for row := range slices.Chunk(leaf.rows, t.stride()) {
		leaf.grow(row, t.numeric)
	}
}

// build returns a balanced tree of the rows. It may keep them.
func (t *tree) build(rows []float64, numbers []int, epoch uint64) *node {
	n := &node{epoch: epoch, rows: rows, numbers: numbers}
	t.cover(n)
	s := t.stride()
	if len(numbers) <= leafCap || !n.split(t.numeric, s) {
		n.rows = append(make([]float64, 0, max(leafCap+1, len(numbers))*s), rows...)
		n.numbers = append(make([]int, 0, max(leafCap+1, len(numbers))), numbers...)
		return n
	}
	i, j := 0, len(numbers) // [:i] are below the cut, [j:] are not
	for i < j {
		if rows[i*s+n.axis] < n.cut {
			i++
			continue
		}
		j--
		for k := range s {
			rows[i*s+k], rows[j*s+k] = rows[j*s+k], rows[i*s+k]
		}
		numbers[i], numbers[j] = numbers[j], numbers[i]
	}
	n.rows, n.numbers = nil, nil
	n.left, n.right = t.build(rows[:i*s:i*s], numbers[:i:i], epoch), t.build(rows[i*s:], numbers[i:], epoch)
	return n
}

// split chooses the axis on which the kernels of a leaf are farthest apart and
// the cut in their middle. It reports whether they are not all equal.
func (n *node) split(numeric, stride int) bool {
	widest := 0.0
	choices := n.bounds[3*numeric:]
	for i := range len(choices) / 2 {
		// Another choice is worth about four deviations.
		if w := choices[2*i+1] - choices[2*i]; w > 0 && widest == 0 {
			widest, n.axis = 4*leastDeviation, 1+2*numeric+i
		}
	}
	for i := range numeric {
		if w := n.bounds[3*i+1] - n.bounds[3*i]; w > widest {
			widest, n.axis = w, 1+2*i
		}
	}
	if widest == 0 {
		return false
	}
	values := make([]float64, len(n.numbers))
	for i := range values {
		values[i] = n.rows[i*stride+n.axis]
	}
	slices.Sort(values)
	m := len(values) / 2
	for values[m] == values[0] {
		m++
	}
	n.cut = values[m]
	return true
}

// trees is the index of more than one axis.
type trees struct {
	plain, special tree
	row            []float64
}

func newTrees(l *Live) *trees {
	t := tree{numeric: len(l.numeric), choice: len(l.choice)}
	return &trees{plain: t, special: t, row: make([]float64, t.stride())}
}

func (t *trees) of(isSpecial bool) *tree {
	if isSpecial {
		return &t.special
	}
	return &t.plain
}

func (t *trees) put(l *Live, number int, isSpecial bool) {
	t.row[0] = 0
	x := l.at(number)
	for k, i := range l.numeric {
		mu, sigma := x[i], l.deviation(number, k)
		t.row[0] -= logMass(mu, sigma)
		if !l.axes[i].Cells {
			t.row[0] += truncnorm.LogPhi(0) - math.Log(sigma)
		}
		t.row[1+2*k], t.row[2+2*k] = mu, 1/(2*sigma*sigma)
	}
	for k, i := range l.choice {
		t.row[1+2*len(l.numeric)+k] = x[i]
	}
	t.of(isSpecial).insert(t.row, number, l.epoch)
}

func (t *trees) drop(l *Live, number int, isSpecial bool) {
	x := l.at(number)
	for k, i := range l.numeric {
		t.row[1+2*k] = x[i]
	}
	for k, i := range l.choice {
		t.row[1+2*len(l.numeric)+k] = x[i]
	}
	t.of(isSpecial).remove(t.row, number, l.epoch)
}

func (t *trees) shift(*Live, int, float64) {}

func (t *trees) freeze(l *Live) frozen {
	return &frozenTrees{
		roots: [2]*node{t.plain.root, t.special.root}, ranks: l.ranks.freeze(), ramp: newRamp(l.Len()),
	}
}
