// Command asm writes the assembly of package kernel; go generate there runs it once per -part. It
// is its own module, so that users of the package do not depend on its generator.
package main

import (
	"flag"
	"log"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	part := flag.String("part", "", "which file: gemm, pack or vector")
	flag.Parse()
	ConstraintExpr("amd64,!purego")
	switch *part {
	case "gemm":
		for _, s := range []isa{avx512, avx2, avx} {
			gemm(s)
		}
	case "pack":
		packRows()
		packTransposed()
	case "vector":
		for _, s := range []isa{avx512, avx2} {
			vectors(s)
		}
	default:
		log.Fatalf("-part is %q, want gemm, pack or vector", *part)
	}
	Generate()
}
