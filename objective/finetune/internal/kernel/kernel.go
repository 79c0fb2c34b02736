// Package kernel is the arithmetic of training, in float32: matrix products, and the passes over
// vectors of layers and optimizer.
//
// The last bits of a matrix product depend on the Kernel, but on nothing else: each element is one
// sum in the order of k, so a row does not depend on the number of rows or on its place among them.
// AVX2 and AVX512 round once per product and sum and agree bit for bit; Generic rounds twice and is
// the same on every machine; OpenBLAS promises nothing. Functions on vectors give the same bits
// with every kernel and on every machine: they fuse nothing, and sum in sixteen lanes, element i in
// lane i mod 16, which are then added pairwise (l and l+8, l and l+4, l and l+2, l and l+1).
//
// The kernel is chosen for the CPU; BLUEFIN_KERNEL overrides it. With the build tag purego there is
// no assembly; with openblas, which needs cgo and the headers of OpenBLAS, that library computes
// matrix products. The assembly is written by internal/asm, a separate module; run go generate.
//
// Functions run on the calling goroutine and do not allocate in steady state. They may be called
// concurrently on different memory. Arguments with mismatched shapes panic.
package kernel

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// A Kernel is a way to compute.
type Kernel uint8

// The kernels, slowest first.
const (
	Generic  Kernel = iota // plain Go: everywhere
	AVX2                   // 256-bit vectors with fused multiply-add: amd64
	AVX512                 // 512-bit vectors: amd64
	OpenBLAS               // matrix products by the C library: with the build tag openblas
)

// Variable is the environment variable that selects the kernel by name. It is read once, at the
// first use of a kernel.
const Variable = "BLUEFIN_KERNEL"

// String returns the name: generic, avx2, avx512 or openblas.
func (k Kernel) String() string { return [...]string{"generic", "avx2", "avx512", "openblas"}[k] }

// Available returns the kernels of this program that run on this CPU, in order.
func Available() []Kernel {
	list := append([]Kernel{Generic}, vectorKernels()...)
	if hasOpenBLAS {
		list = append(list, OpenBLAS)
	}
	return list
}

// Name returns the name of the kernel in use: the one in BLUEFIN_KERNEL, else the last Available
// one.
func Name() string { return choice().kernel.String() }

// Check returns an error if BLUEFIN_KERNEL names a kernel that is unknown or not Available; then
// the last Available one is in use.
func Check() error { return choice().err }

// chosen is the kernel in use, or why the wanted one is not.
type chosen struct {
	kernel Kernel // computes matrix products
	vector Kernel // computes the rest: the same, or the best next to OpenBLAS
	err    error
}

// choice is made once: a kernel that changed in the middle would change a training's
// bits.
var choice = sync.OnceValue(func() chosen { return choose(os.Getenv(Variable), Available()) })

// choose picks the kernel called name among the available ones.
func choose(name string, available []Kernel) chosen {
	// Kernels are sorted by speed.
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
		// OpenBLAS is the last one and multiplies only.
		c.vector = available[len(available)-2]
	}
	return c
}

// lanes is the number of partial sums.
const lanes = 16

// total adds the partial sums.
func total(s *[lanes]float32) float32 {
	// The order of the assembly, which adds the upper half of a register to the lower.
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
