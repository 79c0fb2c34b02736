package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"
)

func BenchmarkGemm(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range [][3]int{{512, 384, 1536}, {16, 384, 384}, {32, 32, 32}, {1, 384, 384}} {
		for _, op := range ops[:3] {
			m, k, n := s[0], s[1], s[2]
			x, y := operands(rng, op.ta, op.tb, m, n, k, 0)
			c := matrix(rng, m, n, 0)
			for _, kern := range Available() {
				b.Run(fmt.Sprintf("%dx%dx%d/%s/%v", m, k, n, op.name, kern), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						kern.Gemm(op.ta, op.tb, x, y, 0, c)
					}
					b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
			b.Run(fmt.Sprintf("%dx%dx%d/%s/gonum", m, k, n, op.name), func(b *testing.B) {
				for b.Loop() {
					blas32.Gemm(op.ta, op.tb, 1, x, y, 0, c)
				}
				b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}

// Numbers so small that their products are subnormal take as long as others.
func BenchmarkGemmOfSubnormals(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []float32{1, 1e-20, 1e-40} {
		x, y := operands(rng, ops[0].ta, ops[0].tb, 128, 128, 128, 0)
		Scale(x.Data, size)
		Scale(y.Data, size)
		c := matrix(rng, 128, 128, 0)
		for _, kern := range Available() {
			b.Run(fmt.Sprintf("%v/%v", size, kern), func(b *testing.B) {
				for b.Loop() {
					kern.Gemm(ops[0].ta, ops[0].tb, x, y, 0, c)
				}
			})
		}
	}
}

func BenchmarkVectors(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, f := range vectorFuncs {
		for _, n := range []int{32, 1536} {
			x := make([][]float32, f.vectors)
			for i := range x {
				x[i] = normals(rng, n, 1)
			}
			for _, kern := range append([]Kernel{Generic}, vectorKernels()...) {
				b.Run(fmt.Sprintf("%s/%d/%v", f.name, n, kern), func(b *testing.B) {
					for b.Loop() {
						f.call(kern, x)
					}
					b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/element")
				})
			}
		}
	}
}
