package finetune

import "github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"

// Kernel returns the name of the kernel that computes matrix products: generic, avx2, avx512 or
// openblas. It is chosen for the CPU; the environment variable BLUEFIN_KERNEL overrides it, and it
// is an error if that names a kernel this machine does not have.
//
// avx2 and avx512 give the same bits; the others differ in the last digits.
func Kernel() (name string, err error) { return kernel.Name(), kernel.Check() }
