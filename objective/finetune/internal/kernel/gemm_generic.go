package kernel

import "gonum.org/v1/gonum/blas/blas32"

// gemmGeneric sets c = op(a)·op(b), or adds it to c, in tiles of 2×4 with sums in registers. The
// conversions keep compilers from fusing a product and a sum.
func gemmGeneric(ta, tb bool, m, n, k int, a, b blas32.General, add bool, c blas32.General) {
	ai, al := a.Stride, 1 // steps between rows of op(a), and along k
	if ta {
		ai, al = al, ai
	}
	bl, bj := b.Stride, 1
	if tb {
		bl, bj = bj, bl
	}
	// 2×4 sums and their factors fit the registers of every machine; packed parts fit the
	// nearest cache.
	const rows, cols, depth = 2, 4, 256
	var pa [rows * depth]float32 // the tile's part of op(a), k by k
	var pb [cols * depth]float32 // and of op(b)
	for j := 0; j < n; j += cols {
		w := min(cols, n-j)
		for l0 := 0; l0 < k; l0 += depth {
			d := min(depth, k-l0)
			for jj := range w {
				at := l0*bl + (j+jj)*bj
				for l := range d {
					pb[cols*l+jj] = b.Data[at]
					at += bl
				}
			}
			for i := 0; i < m; i += rows {
				h := min(rows, m-i)
				for ii := range h {
					at := (i+ii)*ai + l0*al
					for l := range d {
						pa[rows*l+ii] = a.Data[at]
						at += al
					}
				}
				var t [rows][cols]float32
				// The chain of sums continues where the last block of k ended.
				if add || l0 > 0 {
					for ii := range h {
						copy(t[ii][:w], c.Data[(i+ii)*c.Stride+j:])
					}
				}
				tile(&t, pa[:rows*d], pb[:cols*d])
				for ii := range h {
					copy(c.Data[(i+ii)*c.Stride+j:], t[ii][:w])
				}
			}
		}
	}
}

// tile adds to t the product of a, two rows, and b, four columns, both k by k.
func tile(t *[2][4]float32, a, b []float32) {
	t00, t01, t02, t03 := t[0][0], t[0][1], t[0][2], t[0][3]
	t10, t11, t12, t13 := t[1][0], t[1][1], t[1][2], t[1][3]
	// This form of the loop lets the compiler drop bounds checks.
	for len(a) >= 2 && len(b) >= 4 {
		a0, a1 := a[0], a[1]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		t00 += float32(a0 * b0)
		t01 += float32(a0 * b1)
		t02 += float32(a0 * b2)
		t03 += float32(a0 * b3)
		t10 += float32(a1 * b0)
		t11 += float32(a1 * b1)
		t12 += float32(a1 * b2)
		t13 += float32(a1 * b3)
		a, b = a[2:], b[4:]
	}
	t[0] = [4]float32{t00, t01, t02, t03}
	t[1] = [4]float32{t10, t11, t12, t13}
}
