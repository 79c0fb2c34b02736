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
// A kernel is a row: the constant of its logarithm, then mu for each numeric
// axis, a choice for each other axis and, unless the tree is plain, 1/2σ² for
// each numeric axis. On an axis of cells the constant holds only what makes the
// kernel's mass 1.
type tree struct {
	root    *node // nil if empty
	box     []float64
	numeric int // axes
	choice  int // axes
	size    int // kernels
	plain   bool
}

// A node is a leaf of kernels or parts them by a cut. Nodes of another epoch
// than the Live's may be in use by a snapshot: they are copied before they
// change.
//
// A box, see cover, is kept by the parent, beside that of the other child,
// so that whoever looks at one finds both in one place.
type node struct {
	epoch   uint64
	axis    int      // column of a row: those below cut are in the first child
	cut     float64  //
	child   [2]*node // nil in a leaf
	boxes   []float64
	rows    []float64 // of a leaf
	numbers []int     // of a leaf, one for each row
}

const leafCap = 16

func (t *tree) stride() int {
	if t.plain {
		return 1 + t.numeric + t.choice
	}
	return 1 + 2*t.numeric + t.choice
}

func (t *tree) boxSize() int {
	if t.plain {
		return head + 2*(t.numeric+t.choice)
	}
	return head + 3*t.numeric + 2*t.choice
}

// own returns n or, if it is of another epoch, a copy.
func (t *tree) own(n *node, epoch uint64) *node {
	if n.epoch == epoch {
		return n
	}
	c := *n
	c.epoch = epoch
	if n.child[0] == nil {
		c.rows = append(make([]float64, 0, (leafCap+1)*t.stride()), n.rows...)
		c.numbers = append(make([]int, 0, leafCap+1), n.numbers...)
	} else {
		c.boxes = slices.Clone(n.boxes)
	}
	return &c
}

// step goes to the child of an own node that row belongs to and returns where
// it hangs, an own one, and its box.
func (t *tree) step(n *node, row []float64, epoch uint64) (at **node, box []float64) {
	side, size := 0, t.boxSize()
	if !(row[n.axis] < n.cut) {
		side = 1
	}
	at = &n.child[side]
	*at = t.own(*at, epoch)
	return at, n.boxes[side*size : (side+1)*size]
}

// insert adds a kernel. It copies row.
func (t *tree) insert(row []float64, number int, epoch uint64) {
	t.size++
	if t.root == nil {
		t.root, t.box = t.build(slices.Clone(row), []int{number}, epoch)
		return
	}
	t.root = t.own(t.root, epoch)
	t.box = slices.Clone(t.box)
	at, box := &t.root, t.box
	t.grow(box, row)
	box[1] = math.Log(float64(t.size))
	depth := 0
	for ; (*at).child[0] != nil; depth++ {
		at, box = t.step(*at, row, epoch)
		t.grow(box, row)
		box[1] = math.Log(math.Exp(box[1]) + 1)
	}
	leaf := *at
	leaf.rows, leaf.numbers = append(leaf.rows, row...), append(leaf.numbers, number)
	switch {
	case len(leaf.numbers) <= leafCap:
	case depth > 2*bits.Len(uint(t.size/leafCap))+8: // kernels that come in order make a list of it
		var rows []float64
		var numbers []int
		t.root.each(func(n *node) { rows, numbers = append(rows, n.rows...), append(numbers, n.numbers...) })
		t.root, t.box = t.build(rows, numbers, epoch)
	case len(leaf.numbers)%(leafCap/2) == 1: // a leaf of equal kernels cannot be split, do not try every time
		*at, _ = t.build(leaf.rows, leaf.numbers, epoch)
	}
}

// remove takes out a kernel, of which row need only hold the coordinates.
func (t *tree) remove(row []float64, number int, epoch uint64) {
	t.size--
	t.root = t.own(t.root, epoch)
	t.box = slices.Clone(t.box)
	at, box := &t.root, t.box
	for (*at).child[0] != nil {
		at, box = t.step(*at, row, epoch)
	}
	leaf, s := *at, t.stride()
	i, last := slices.Index(leaf.numbers, number), len(leaf.numbers)-1
	copy(leaf.rows[i*s:(i+1)*s], leaf.rows[last*s:])
	leaf.numbers[i] = leaf.numbers[last]
	leaf.rows, leaf.numbers = leaf.rows[:last*s], leaf.numbers[:last]
	t.cover(box, leaf.rows)
}

// each calls f for each leaf.
func (n *node) each(f func(leaf *node)) {
	if n.child[0] == nil {
		f(n)
		return
	}
	n.child[0].each(f)
	n.child[1].each(f)
}

// head is where the spans of a box begin.
const head = 2

// cover makes box that of the rows: their highest constant, ln of how many they
// are (in the box of an inner node it may be of more), the lowest and highest
// mu and choice for each axis and, unless the tree is plain, the lowest 1/2σ²
// for each numeric axis.
func (t *tree) cover(box, rows []float64) {
	inf := math.Inf(1)
	box[0] = -inf
	box[1] = math.Log(float64(len(rows) / t.stride()))
	spans := box[head : head+2*(t.numeric+t.choice)]
	for i := 0; i < len(spans); i += 2 {
		spans[i], spans[i+1] = inf, -inf
	}
	for i, rest := 0, box[head+len(spans):]; i < len(rest); i++ {
		rest[i] = inf
	}
	for row := range slices.Chunk(rows, t.stride()) {
		t.grow(box, row)
	}
}

// grow widens the box to hold row as well.
func (t *tree) grow(box, row []float64) {
	box[0] = max(box[0], row[0])
	box, row = box[head:], row[1:]
	axes := t.numeric + t.choice
	for i, x := range row[:axes] {
		box[2*i], box[2*i+1] = min(box[2*i], x), max(box[2*i+1], x)
	}
	for i, inv := range row[axes:] {
		box[2*axes+i] = min(box[2*axes+i], inv)
	}
}

// build returns a balanced tree of the rows and its box. It may keep them.
func (t *tree) build(rows []float64, numbers []int, epoch uint64) (*node, []float64) {
	box := make([]float64, t.boxSize())
	t.cover(box, rows)
	n := &node{epoch: epoch}
	s := t.stride()
	if len(numbers) <= leafCap || !t.split(n, rows, box) {
		n.rows = append(make([]float64, 0, max(leafCap+1, len(numbers))*s), rows...)
		n.numbers = append(make([]int, 0, max(leafCap+1, len(numbers))), numbers...)
		return n, box
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
	var first, second []float64
	n.child[0], first = t.build(rows[:i*s:i*s], numbers[:i:i], epoch)
	n.child[1], second = t.build(rows[i*s:], numbers[i:], epoch)
	n.boxes = append(first, second...)
	return n, box
}

// split chooses for n the axis on which the kernels of a box are farthest
// apart and the cut in their middle. It reports whether they are not all equal.
func (t *tree) split(n *node, rows, box []float64) bool {
	widest := 0.0
	for i := range t.numeric + t.choice {
		width := box[head+2*i+1] - box[head+2*i]
		if i >= t.numeric {
			width = min(width, 4*leastDeviation) // what another choice is worth, about
		}
		if width > widest {
			widest, n.axis = width, 1+i
		}
	}
	if widest == 0 {
		return false
	}
	// The middle of a sample, as long as that has two values.
	const sample = 64
	s := t.stride()
	values := make([]float64, 0, 2*sample)
	for step := max(1, len(rows)/s/sample) * s; ; step = s {
		for i := n.axis; i < len(rows); i += step {
			values = append(values, rows[i])
		}
		if slices.Sort(values); step == s || values[0] < values[len(values)-1] {
			break
		}
		values = values[:0]
	}
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
	all := &trees{plain: t, special: t, row: make([]float64, t.stride())}
	all.plain.plain = true
	return all
}

func (t *trees) of(isSpecial bool) *tree {
	if isSpecial {
		return &t.special
	}
	return &t.plain
}

func (t *trees) fill(l *Live) {
	for _, kind := range []holder{plain, special} {
		of := t.of(kind == special)
		var rows []float64
		var numbers []int
		for number, in := range l.in {
			if in == kind {
				l.setRow(t.row, number)
				rows, numbers = append(rows, t.row[:of.stride()]...), append(numbers, number)
			}
		}
		if of.size = len(numbers); of.size > 0 {
			of.root, of.box = of.build(rows, numbers, l.epoch)
		}
	}
}

func (t *trees) put(l *Live, number int, isSpecial bool) {
	of := t.of(isSpecial)
	l.setRow(t.row, number)
	of.insert(t.row[:of.stride()], number, l.epoch)
}

func (t *trees) drop(l *Live, number int, isSpecial bool) {
	l.setCoordinates(t.row, number)
	t.of(isSpecial).remove(t.row, number, l.epoch)
}

func (t *trees) shift(*Live, int, float64) {}

func (t *trees) freeze(l *Live) frozen {
	for k, i := range l.numeric {
		if n := l.axes[i].Cells; n > 0 && l.tables[k] == nil && n <= maxTable {
			l.tables[k] = cellTable(n, plainInv)
		}
	}
	return &frozenTrees{
		trees: [2]tree{t.plain, t.special}, ranks: l.ranks.freeze(), ramp: newRamp(l.Len()),
		tables: l.tables, tableInv: plainInv,
	}
}

// freezeFew returns all kernels of l in one leaf.
func freezeFew(l *Live) frozen {
	t := newTrees(l).special
	t.size = l.Len()
	s := t.stride()
	t.root = &node{numbers: l.ranks.last(t.size), rows: make([]float64, t.size*s)}
	for i, number := range t.root.numbers {
		l.setRow(t.root.rows[i*s:(i+1)*s], number)
	}
	t.box = make([]float64, t.boxSize())
	t.cover(t.box, t.root.rows)
	f := &frozenTrees{
		trees: [2]tree{t}, ranks: l.ranks.freeze(), ramp: newRamp(l.Len()),
		tables: make([][]float64, len(l.numeric)), tableInv: l.leastInv(),
	}
	for k, i := range l.numeric {
		if n := l.axes[i].Cells; n > 0 && n <= maxTable/16 {
			f.tables[k] = cellTable(n, f.tableInv)
		}
	}
	return f
}

// maxTable is the most cells for which there is a cellTable.
const maxTable = 4096

// cellTable returns ln of the mass that a kernel with 1/2σ² = inv in the middle
// of a cell has in a cell so many cells away, of n equal ones.
func cellTable(n int, inv float64) []float64 {
	table := make([]float64, n)
	width := math.Sqrt(2*inv) / float64(n)
	for d := range table {
		table[d] = truncnorm.LogMass((float64(d)-0.5)*width, (float64(d)+0.5)*width)
	}
	return table
}

// leastInv is 1/2σ² of the narrowest kernels.
func (l *Live) leastInv() float64 {
	least := 1 / float64(min(leastPart, l.Len()+2))
	return 1 / (2 * least * least)
}

// setRow makes row the kernel of an observation.
func (l *Live) setRow(row []float64, number int) {
	l.setCoordinates(row, number)
	least := 1 / float64(min(leastPart, l.Len()+2))
	logLeast := math.Log(least)
	row[0] = 0
	for k, gap := range l.gaps(number) {
		mu, sigma, logSigma := row[1+k], least, logLeast
		if gap > least {
			sigma, logSigma = gap, math.Log(gap)
		}
		row[0] -= logMass(mu, sigma)
		if l.axes[l.numeric[k]].Cells == 0 {
			row[0] += truncnorm.LogPhi(0) - logSigma
		}
		row[1+len(l.axes)+k] = 1 / (2 * sigma * sigma)
	}
}

func (l *Live) setCoordinates(row []float64, number int) {
	x := l.at(number)
	for k, i := range l.numeric {
		if row[1+k] = x[i]; x[i] == Missing {
			row[1+k] = 0.5 // gap is 1: the kernel of the prior
		}
	}
	for k, i := range l.choice {
		row[1+len(l.numeric)+k] = x[i]
	}
}

// logMass returns ln of the mass in [0, 1] of a normal distribution around a
// point in it.
func logMass(mu, sigma float64) float64 {
	const far = 9 // deviations, beyond which the mass is less than a rounding error
	low, high := mu > far*sigma, 1-mu > far*sigma
	switch {
	case low && high:
		return 0
	case low:
		return math.Log1p(-math.Erfc((1-mu)/sigma/math.Sqrt2) / 2)
	case high:
		return math.Log1p(-math.Erfc(mu/sigma/math.Sqrt2) / 2)
	}
	return truncnorm.LogMass(-mu/sigma, (1-mu)/sigma)
}
