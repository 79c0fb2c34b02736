package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
	"gonum.org/v1/gonum/blas/blas32"
)

// fence returns n numbers with a page behind them, or before them, that ends
// the program when it is touched.
func fence(t *testing.T, n int, before bool) []float32 {
	t.Helper()
	page := unix.Getpagesize()
	pages := (4*n+page-1)/page + 1
	mem, err := unix.Mmap(-1, 0, pages*page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Munmap(mem); err != nil {
			t.Error(err)
		}
	})
	forbidden, at := mem[(pages-1)*page:], (pages-1)*page-4*n
	if before {
		forbidden, at = mem[:page], page
	}
	if err := unix.Mprotect(forbidden, unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*float32)(unsafe.Pointer(&mem[at])), n)
}

func TestProductsStayInTheirMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	sizes := []int{1, 2, 7, 8, 9, 12, 13, 15, 16, 17, 31, 32, 33, 48, 49}
	for _, op := range ops {
		for _, before := range []bool{false, true} {
			for round := range 150 {
				m, n, k := sizes[rng.IntN(len(sizes))], sizes[rng.IntN(len(sizes))], sizes[rng.IntN(len(sizes))]
				switch { // packed
				case round%10 == 1:
					m += 128
				case round%10 == 2:
					n += 128
				}
				if round%10 == 0 {
					k += 512
				}
				x, y := operands(rng, op.ta, op.tb, m, n, k, rng.IntN(3))
				z := matrix(rng, m, n, rng.IntN(3))
				want := clone(z)
				reference().Gemm(op.ta, op.tb, x, y, 1, want)
				fenced := func(m blas32.General) blas32.General {
					rows := m.Data[:(m.Rows-1)*m.Stride+m.Cols] // the last row ends with its last column
					m.Data = fence(t, len(rows), before)
					copy(m.Data, rows)
					return m
				}
				x, y = fenced(x), fenced(y)
				for _, kern := range Available() {
					got := fenced(z)
					kern.Gemm(op.ta, op.tb, x, y, 1, got)
					if kern == AVX2 || kern == AVX512 {
						sameBits(t, fmt.Sprintf("%v %s %d×%d×%d at a fence", kern, op.name, m, k, n), got.Data, want.Data[:len(got.Data)])
					}
				}
			}
		}
	}
}

// reference is the first of the kernels that the others are compared with.
func reference() Kernel {
	if list := vectorKernels(); len(list) > 0 {
		return list[0]
	}
	return Generic
}

func TestVectorsStayInTheirMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(19, 20))
	for _, f := range vectorFuncs {
		for _, before := range []bool{false, true} {
			for n := range 67 {
				x := make([][]float32, f.vectors)
				for i := range x {
					x[i] = fence(t, n, before)
					copy(x[i], normals(rng, n, 1))
				}
				for _, kern := range vectorKernels() {
					f.call(kern, x)
				}
			}
		}
	}
}
