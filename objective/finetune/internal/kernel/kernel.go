// Package kernel is the arithmetic that training spends its time in, on
// float32: matrix products, and the passes over vectors that the layers and
// the optimizer of a network need.
//
// What a matrix product gives depends, in its last bits, on the Kernel that
// computes it, but on nothing else: each element of the result is one sum,
// formed in the order of k, so that a row of it depends neither on the number
// of the rows nor on its place among them. AVX2 and AVX512 round once per
// product and sum and agree bit for bit; Generic rounds twice and is the same
// on every machine; OpenBLAS promises nothing. The functions on vectors give
// the same bits with every kernel and on every machine: they fuse nothing, and
// what they sum they sum in sixteen lanes, element i in lane i mod 16, which
// are then added pairwise (l and l+8, l and l+4, l and l+2, l and l+1).
//
// The processor decides about the kernel, the environment variable
// BLUEFIN_KERNEL pins it. Built with the tag purego the package has no
// assembly, with the tag openblas (which needs cgo and the headers of OpenBLAS)
// its matrix products are those of that library. The assembly is written by
// internal/asm, a module of its own: go generate runs it.
//
// Functions run on the goroutine that calls them, start none and allocate
// nothing from call to call. Any number of goroutines may call them on
// different memory. Arguments that do not fit together panic: their shapes are
// the caller's.
package kernel

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// A Kernel is one way to compute.
type Kernel uint8

// The kernels, from the slowest on.
const (
	Generic  Kernel = iota // what plain Go computes: everywhere
	AVX2                   // 256-bit vectors with fused multiply-add: amd64
	AVX512                 // 512-bit vectors: amd64
	OpenBLAS               // matrix products by the C library: with the build tag openblas
)

// Variable is the environment variable that pins the kernel by its name. It
// is read once, with the first use of a kernel.
const Variable = "BLUEFIN_KERNEL"

// String returns the name: generic, avx2, avx512 or openblas.
func (k Kernel) String() string { return [...]string{"generic", "avx2", "avx512", "openblas"}[k] }

// Available returns the kernels that this program has and this processor runs,
// in their order.
func Available() []Kernel {
	list := append([]Kernel{Generic}, vectorKernels()...)
	if hasOpenBLAS {
		list = append(list, OpenBLAS)
	}
	return list
}

// Name returns the name of the kernel in use: the one that the environment
// variable BLUEFIN_KERNEL names, else the last of the Available ones.
func Name() string { return choice().kernel.String() }

// Check returns an error if the environment variable BLUEFIN_KERNEL names no
// kernel or one that is not Available. The last of the Available ones is then
// in use.
func Check() error { return choice().err }

type chosen struct {
	kernel Kernel // computes matrix products
	vector Kernel // computes the rest: the same, or the best there is beside OpenBLAS
	err    error
}

var choice = sync.OnceValue(func() chosen { return choose(os.Getenv(Variable), Available()) })

// choose picks the kernel called name among the available ones.
func choose(name string, available []Kernel) chosen {
	last := available[len(available)-1]
	k, err := last, error(nil)
	if i := slices.IndexFunc(available, func(k Kernel) bool { return k.String() == name }); i >= 0 {
		k = available[i]
	} else if name != "" {
		var names []string
		for _, k := range available {
			names = append(names, k.String())
		}
		err = fmt.Errorf("%s is %q, want one of %s on this machine", Variable, name, strings.Join(names, ", "))
	}
	c := chosen{kernel: k, vector: k, err: err}
	if k == OpenBLAS {
		c.vector = available[len(available)-2]
	}
	return c
}

// lanes is how many partial sums a sum is formed in.
const lanes = 16

// total adds up the partial sums.
func total(s *[lanes]float32) float32 {
	for half := lanes / 2; half > 0; half /= 2 {
		for l := range half {
			s[l] += s[l+half]
		}
	}
	return s[0]
}

// same panics unless the lengths are equal.
func same(n int, lengths ...int) {
	for _, l := range lengths {
		if l != n {
			panic(fmt.Sprintf("kernel: vectors of %d and %d elements, want the same number", n, l))
		}
	}
}
