//go:build amd64 && !purego

package kernel

import "golang.org/x/sys/cpu"

//go:generate go -C internal/asm run . -part gemm -pkg kernel -out ../../gemm_amd64.s -stubs ../../gemm_stubs_amd64.go
//go:generate go -C internal/asm run . -part pack -pkg kernel -out ../../pack_amd64.s -stubs ../../pack_stubs_amd64.go
//go:generate go -C internal/asm run . -part vector -pkg kernel -out ../../vector_amd64.s -stubs ../../vector_stubs_amd64.go

// vectorKernels returns the kernels other than Generic that run on this CPU.
func vectorKernels() []Kernel {
	x := &cpu.X86
	// FMA is a feature of its own.
	if !(x.HasAVX2 && x.HasFMA) {
		return nil
	}
	// The features that the assembly uses; some CPUs have AVX-512 without them.
	if !(x.HasAVX512F && x.HasAVX512VL && x.HasAVX512DQ && x.HasAVX512BW && x.HasBMI2) {
		return []Kernel{AVX2}
	}
	return []Kernel{AVX2, AVX512}
}
