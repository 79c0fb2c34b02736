package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkGemm(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range [][3]int{{512, 384, 1536}, {512, 1536, 384}, {1024, 1024, 1024}, {16, 384, 384}, {32, 32, 32}, {1, 384, 384}} {
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
		}
	}
}
