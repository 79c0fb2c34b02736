package plot

import (
	"math"
	"slices"
)

// Settings of the surface.
const (
	gridSize      = 40 // of an axis that is not categorical and has more values
	fewNeighbors  = 6
	manyNeighbors = 64
)

// surface returns the values of the points on a grid, by locally weighted linear regression: around
// each node a plane is fitted to the nearest points, with weights that fall to 0 at the distance of
// the first one that is left out, and again with less weight for those far from the plane. See
// W. S. Cleveland, "Robust Locally Weighted Regression and Smoothing Scatterplots", Journal of the
// American Statistical Association 74, 1979, 829-836, and, in several variables, W. S. Cleveland and
// S. J. Devlin, "Locally Weighted Regression", the same 83, 1988, 596-610.
//
// Distances are those in the unit square of the axes. What differs from the papers: points at the
// same place count as one, with their median; the first plane already has less weight for points far
// from the median of all, so that a few diverged trials cannot pull it; a slope is damped where the
// points hardly extend in its direction; and the result stays within the range of the values.
func surface(x, y Axis, points []PairPoint) (gridX, gridY []Float, values [][]Float) {
	gridX, gridY = grid(x), grid(y)
	groups := sites(x, y, points)
	values = make([][]Float, len(gridY))
	for j, gy := range gridY {
		values[j] = make([]Float, len(gridX))
		for i, gx := range gridX {
			s := place(x, y, gx, gy)
			values[j][i] = groups[s.choices].at(s.u, s.v)
		}
	}
	return gridX, gridY, values
}

// grid returns the nodes of an axis: each choice, each int if they are few, or gridSize nodes evenly
// from end to end.
func grid(a Axis) []Float {
	low, high := float64(a.Low), float64(a.High)
	n := gridSize
	switch {
	case !finite(low):
		return []Float{}
	case low == high:
		return []Float{a.Low}
	case a.Choices != nil, a.Int && high-low < gridSize:
		n = int(high-low) + 1
	}
	nodes := make([]Float, n)
	for i := range nodes {
		u := float64(i) / float64(n-1)
		x := low*(1-u) + high*u
		if a.Log && n == gridSize {
			x = math.Exp(math.Log(low)*(1-u) + math.Log(high)*u)
		}
		if a.Int || a.Choices != nil {
			x = math.Round(x)
		}
		nodes[i] = Float(min(max(x, low), high))
	}
	nodes[n-1] = a.High
	return slices.Compact(nodes)
}

// unit maps a coordinate to [0, 1]. It does not overflow.
func (a Axis) unit(x Float) float64 {
	low, high, v := float64(a.Low)/2, float64(a.High)/2, float64(x)/2
	if a.Log {
		low, high, v = math.Log(float64(a.Low)), math.Log(float64(a.High)), math.Log(float64(x))
	}
	if low == high {
		return 0.5
	}
	return (v - low) / (high - low)
}

// A site is a place with the median of the values there.
type site struct {
	choices [2]Float // of categorical axes, else 0: sites with other choices are no neighbors
	u, v    float64  // in the unit square; 0 on a categorical axis
	value   float64  // times small
	count   float64  // how many points are there
}

// small is a power of 2 that keeps sums of huge values finite.
const small = 1.0 / (1 << 30)

// place returns a site without a value.
func place(x, y Axis, px, py Float) site {
	var s site
	if s.u = x.unit(px); x.Choices != nil {
		s.choices[0], s.u = px, 0
	}
	if s.v = y.unit(py); y.Choices != nil {
		s.choices[1], s.v = py, 0
	}
	return s
}

// A group is the sites with the same choices.
type group []site

// sites returns the places of the points by their choices, in the order of the points.
func sites(x, y Axis, points []PairPoint) map[[2]Float]group {
	values := map[site][]float64{}
	var order []site
	for _, p := range points {
		s := place(x, y, p.X, p.Y)
		if values[s] == nil {
			order = append(order, s)
		}
		values[s] = append(values[s], float64(p.Value)*small)
	}
	groups := map[[2]Float]group{}
	for _, s := range order {
		list := values[s]
		s.value, s.count = median(list), float64(len(list))
		groups[s.choices] = append(groups[s.choices], s)
	}
	return groups
}

// median sorts the list and returns its middle.
func median(list []float64) float64 {
	slices.Sort(list)
	n := len(list)
	return list[(n-1)/2]/2 + list[n/2]/2
}

// A neighbor is a site near a node.
type neighbor struct {
	*site
	distance float64
	weight   float64
	residual float64
}

// at returns the value of the surface at a place, NaN if no site is near.
func (g group) at(u, v float64) Float {
	near, width := g.nearest(u, v)
	// Sites are 1/√n apart if they are even. A gap of that size is bridged, but no larger one.
	if reach := min(max(0.12, 1/math.Sqrt(float64(len(g)))), 0.35); len(near) == 0 || near[0].distance > reach {
		return Float(math.NaN())
	}
	list := make([]float64, len(near))
	for i, n := range near {
		list[i] = n.value
	}
	middle := median(list)
	low, high := list[0], list[len(list)-1]
	for i := range near {
		near[i].residual = math.Abs(near[i].value - middle)
	}
	z, tolerance := middle, 20.0 // at first, when a slope still looks like a residual
	for range 3 {
		for i, n := range near {
			list[i] = n.residual
		}
		scale := tolerance * median(list)
		tolerance = 6
		for i := range near {
			n := &near[i]
			n.weight = n.count * tricube(n.distance/width) * bisquare(n.residual, scale)
		}
		z = fit(near, u, v, width)
	}
	return Float(min(max(z, low), high) / small)
}

// tricube is the weight of a site by its distance in [0, 1].
func tricube(r float64) float64 {
	s := 1 - r*r*r
	return s * s * s
}

// bisquare is the weight of a site by its residual. If most residuals are 0, so is the scale, and
// the others do not count.
func bisquare(residual, scale float64) float64 {
	if residual == 0 {
		return 1
	}
	r := residual / scale
	if !(r < 1) {
		return 0
	}
	return (1 - r*r) * (1 - r*r)
}

// nearest returns the sites that decide about a place, nearest first, and the distance at which the
// weight of a site is 0. Trying all sites is fast enough: 1,600 nodes and 5,000 sites take about 20 ms.
func (g group) nearest(u, v float64) (near []neighbor, width float64) {
	type candidate struct {
		index  int
		square float64 // of the distance
	}
	k := min(max(int(1.5*math.Sqrt(float64(len(g)))), fewNeighbors), manyNeighbors)
	best := make([]candidate, 0, k+1) // sorted; of equal ones the first stays first
	for index := range g {
		du, dv := g[index].u-u, g[index].v-v
		square := du*du + dv*dv
		if n := len(best); n <= k {
			best = append(best, candidate{})
		} else if square >= best[n-1].square {
			continue
		}
		i := len(best) - 1
		for ; i > 0 && best[i-1].square > square; i-- {
			best[i] = best[i-1]
		}
		best[i] = candidate{index, square}
	}
	switch n := len(best); {
	case n > k: // the last one only says where the others end
		width, best = math.Sqrt(best[k].square), best[:k]
	case n > 0:
		width = 1.5 * math.Sqrt(best[n-1].square)
	}
	if width == 0 { // all are here
		width = 1
	}
	near = make([]neighbor, len(best))
	for i, c := range best {
		near[i] = neighbor{site: &g[c.index], distance: math.Sqrt(c.square)}
	}
	return near, width
}

// fit returns at a place the plane through the weighted sites, and sets their residuals.
func fit(near []neighbor, u, v, width float64) float64 {
	var w, mu, mv, mz float64
	for _, n := range near {
		w += n.weight
		mu += n.weight * n.u
		mv += n.weight * n.v
		mz += n.weight * n.value
	}
	if w == 0 { // all at the same distance
		w = float64(len(near))
		for i := range near {
			near[i].weight = 1
			mu, mv, mz = mu+near[i].u, mv+near[i].v, mz+near[i].value
		}
	}
	mu, mv, mz = mu/w, mv/w, mz/w
	var uu, uv, vv, uz, vz float64
	for _, n := range near {
		du, dv, dz := n.u-mu, n.v-mv, n.value-mz
		uu += n.weight * du * du
		uv += n.weight * du * dv
		vv += n.weight * dv * dv
		uz += n.weight * du * dz
		vz += n.weight * dv * dz
	}
	damp := 1e-6 * w * width * width
	uu, vv = uu+damp, vv+damp
	det := uu*vv - uv*uv // above 0
	a, b := (uz*vv-vz*uv)/det, (vz*uu-uz*uv)/det
	for i := range near {
		n := &near[i]
		n.residual = math.Abs(n.value - mz - a*(n.u-mu) - b*(n.v-mv))
	}
	return mz + a*(u-mu) + b*(v-mv)
}
