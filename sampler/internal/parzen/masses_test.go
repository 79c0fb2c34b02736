package parzen

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/sampler/internal/truncnorm"
)

// More kernels and cells come than fit, some again and again. Each mass must be that of its own
// kernel and cell, to the last bit, and the room stays bounded.
func TestMassesAreThoseOfTheirKernelAndCell(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	m := &masses{}
	kernels := make([]stepped, 3*mostNumbers)
	for i := range kernels {
		mu, inv := r.Float64(), 1/(math.Sqrt2*(0.01+r.Float64()))
		kernels[i] = stepped{mu: mu, inv: inv, number: m.kernel(mu, inv)}
	}
	found := 0
	for n := range 300_000 {
		few := n/10_000%2 == 0
		i, k := r.IntN(len(kernels)), r.IntN(2*mostNumbers)
		if few {
			i, k = i%50, k%50
		}
		f := &kernels[i]
		lo, hi := float64(k)/(2*mostNumbers), float64(k+1)/(2*mostNumbers)
		p := place{lo: lo, hi: hi, cell: m.cells.get(lo, hi)}
		if e := m.entries; len(e) > 0 && m.entry(f.number, p.cell).cell == p.cell && m.entry(f.number, p.cell).kernel == f.number {
			found++
		}
		scale := math.Sqrt2 * f.inv
		if got, want := m.of(f, &p), truncnorm.LogMass((lo-f.mu)*scale, (hi-f.mu)*scale); got != want {
			t.Fatalf("mass %d of kernel %d in cell %d: got %v, want %v", n, i, k, got, want)
		}
		if got, want := m.prior(p.cell, lo, hi), (&Axis{}).prior(lo, hi); got != want {
			t.Fatalf("mass of the prior in cell %d: got %v, want %v", k, got, want)
		}
		if len(m.entries) > mostMasses || len(m.kernels.of) > mostNumbers || len(m.cells.of) > mostNumbers {
			t.Fatalf("%d masses, %d kernels, %d cells are kept", len(m.entries), len(m.kernels.of), len(m.cells.of))
		}
	}
	if found < 100_000 {
		t.Errorf("%d of 300,000 masses were found, want most of those that come again and again", found)
	}
}

// The density on one axis uses the same masses as the whole one, and neither disturbs the other.
func TestOneAxisSharesItsMasses(t *testing.T) {
	axes := []Axis{{Cells: -1}, {}}
	at := func(e *Estimator, cells int) []float64 {
		lo, hi, u := make([]float64, cells), make([]float64, cells), make([]float64, cells)
		for j := range cells {
			lo[j], hi[j], u[j] = math.Sqrt(float64(j)/float64(cells)), math.Sqrt(float64(j+1)/float64(cells)), 0.5
		}
		dst := make([]float64, cells)
		e.LogPDF(dst, [][]float64{lo, u}[:len(e.axes)], [][]float64{hi, u}[:len(e.axes)])
		return dst
	}
	x := []float64{0.1, 0.35, 0.8}
	columns := []Column{{X: x, Sigma: []float64{0.1, 0.2, 0.3}}, {X: x, Sigma: []float64{0.3, 0.2, 0.1}}}
	fresh := func() *Estimator { return New([]Axis{{Cells: -1}, {}}, columns, []float64{1, 1, 1}) }
	used := New(axes, columns, []float64{1, 1, 1})
	for _, cells := range []int{7, 12, 7} {
		if got, want := at(used.Axis(0), cells), at(fresh().Axis(0), cells); !slices.Equal(got, want) {
			t.Errorf("one axis, %d cells: got %v, want %v", cells, got, want)
		}
		other := New(axes, []Column{{X: x, Sigma: []float64{0.05, 0.15, float64(cells) / 40}}, columns[1]}, []float64{1, 1, 1})
		at(other, cells+1)
		if got, want := at(used, cells), at(fresh(), cells); !slices.Equal(got, want) {
			t.Errorf("both axes, %d cells: got %v, want %v", cells, got, want)
		}
	}
}
