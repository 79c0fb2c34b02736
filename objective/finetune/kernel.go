package finetune

import "github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"

// Kernel returns the name of the kernel that computes matrix products: generic,
// avx2, avx512 or openblas. It is chosen for the CPU; the environment variable
// BLUEFIN_KERNEL overrides it. The error says that BLUEFIN_KERNEL names none
// that this machine has.
//
// avx2 and avx512 give the same bits; the others differ in the last digits.
func Kernel() (name string, err error) { return kernel.Name(), kernel.Check() }
