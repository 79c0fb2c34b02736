package main

import (
	"context"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/kernel"
)

func gemmCommand() *cli.Command {
	return &cli.Command{
		Name:  "gemm",
		Usage: "how fast matrices of float32 are multiplied, on one processor",
		Description: "Multiplies an m×k by a k×n matrix as they are (NN), with the second transposed (NT) and with\n" +
			"the first (TN), by every kernel of the program and by gonum in turns, and writes the most\n" +
			"floating-point operations in a second of processor time out of seven turns, in 10⁹.\n" +
			"A program built with the tag openblas has OpenBLAS too.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "sizes", Value: "512,384,1536,16,384,384,32,32,32", Usage: "`NUMBERS` m,k,n of each product, with commas"},
			formatFlag(),
		},
		Action: gemm,
	}
}

// A multiplier sets c to op(a)·op(b).
type multiplier struct {
	name string
	call func(ta, tb blas.Transpose, a, b, c blas32.General)
}

func multipliers() []multiplier {
	var list []multiplier
	for _, kern := range kernel.Available() {
		list = append(list, multiplier{kern.String(), func(ta, tb blas.Transpose, a, b, c blas32.General) {
			kern.Gemm(ta, tb, a, b, 0, c)
		}})
	}
	return append(list, multiplier{"gonum", func(ta, tb blas.Transpose, a, b, c blas32.General) {
		blas32.Gemm(ta, tb, 1, a, b, 0, c)
	}})
}

func gemm(c *cli.Context) error {
	sizes, err := productSizes(c.String("sizes"))
	if err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var rows []row
	for _, s := range sizes {
		for _, op := range []struct {
			name   string
			ta, tb blas.Transpose
		}{{"NN", blas.NoTrans, blas.NoTrans}, {"NT", blas.NoTrans, blas.Trans}, {"TN", blas.Trans, blas.NoTrans}} {
			list := multipliers()
			figures, err := multiply(c.Context, list, op.ta, op.tb, s[0], s[1], s[2])
			if err != nil {
				return err
			}
			for i, f := range list {
				rows = append(rows, row{
					cell("impl", f.name), cell("op", op.name), cell("m", s[0]), cell("k", s[1]), cell("n", s[2]), cell("gflops", figures[i]),
				})
			}
		}
	}
	return printRows(c, rows)
}

// productSizes reads numbers with commas, three per product.
func productSizes(list string) ([][3]int, error) {
	var sizes [][3]int
	numbers := strings.Split(list, ",")
	for i, w := range numbers {
		n, err := strconv.Atoi(strings.TrimSpace(w))
		if err != nil || n < 1 || n > 1<<14 {
			return nil, usagef("--sizes has %q, want numbers from 1 to %d", w, 1<<14)
		}
		if i%3 == 0 {
			sizes = append(sizes, [3]int{})
		}
		sizes[i/3][i%3] = n
	}
	if len(numbers)%3 != 0 {
		return nil, usagef("--sizes has %d numbers, want three for each product: m,k,n", len(numbers))
	}
	return sizes, nil
}

// multiply returns for each multiplier the best of its turns in 10⁹ operations
// per second.
func multiply(ctx context.Context, list []multiplier, ta, tb blas.Transpose, m, k, n int) ([]float64, error) {
	const turns, enough = 7, 0.02 // seconds of a turn
	rng := rand.New(rand.NewPCG(uint64(m), uint64(n)))
	a, b, c := random(rng, m, k, ta), random(rng, k, n, tb), random(rng, m, n, blas.NoTrans)
	operations := 2 * float64(m) * float64(k) * float64(n)
	best := make([]float64, len(list))
	for range turns {
		for i, f := range list {
			calls, seconds := 0, 0.0
			for start := processorTime(); seconds < enough; seconds = processorTime() - start {
				if ctx.Err() != nil {
					return nil, context.Cause(ctx)
				}
				for range 1 + int(1e7/operations) { // about a millisecond, at which the clock is read
					f.call(ta, tb, a, b, c)
					calls++
				}
			}
			best[i] = max(best[i], float64(calls)*operations/seconds/1e9)
		}
	}
	return best, nil
}

// random returns numbers from -1 to 1 for an r×c matrix, or its transpose.
func random(rng *rand.Rand, r, c int, t blas.Transpose) blas32.General {
	if t != blas.NoTrans {
		r, c = c, r
	}
	m := blas32.General{Rows: r, Cols: c, Stride: c, Data: make([]float32, r*c)}
	for i := range m.Data {
		m.Data[i] = 2*rng.Float32() - 1
	}
	return m
}
