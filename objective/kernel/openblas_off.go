//go:build !openblas

package kernel

const hasOpenBLAS = false
