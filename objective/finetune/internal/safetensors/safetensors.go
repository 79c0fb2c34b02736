// Package safetensors reads and writes the safetensors format for weights, as arrays of float32. It
// also reads float16 and bfloat16.
//
// A file is an 8-byte little-endian length, a JSON object of that length, and the numbers:
//
//	{"name": {"dtype": "F32", "shape": [out, in], "data_offsets": [begin, end]},
//	 "__metadata__": {"key": "text"}}
//
// Offsets count from the end of the header; together the tensors cover the rest of the file
// exactly, without gaps and overlaps. https://github.com/huggingface/safetensors
package safetensors

import (
	"errors"
	"fmt"
	"math"
)

// ErrFormat is matched by errors about incomplete or invalid files, and about contents that no file
// can have.
var ErrFormat = errors.New("bad format")

// A File is the contents of a safetensors file.
type File struct {
	Metadata map[string]string // free text; nil if none
	Tensors  map[string]Tensor // by name
}

// A Tensor is an array of numbers; the last index runs fastest.
type Tensor struct {
	Shape []int     // none negative; empty means one number
	Data  []float32 // product of Shape numbers
}

// metadataKey is a reserved name in the header.
const metadataKey = "__metadata__"

// maxHeader is the format's limit for the header, in bytes.
const maxHeader = 100_000_000

// entry is a tensor in the header.
type entry struct {
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
	// Offsets are bytes after the header, the end excluded.
	Offsets [2]int `json:"data_offsets"`
}

// check validates an entry as far as that is possible without the data. It does not know the size
// of unsupported types.
func (e entry) check() error {
	n, err := elements(e.Shape)
	if err != nil {
		return err
	}
	begin, end := e.Offsets[0], e.Offsets[1]
	if begin < 0 || begin > end {
		return fmt.Errorf("data_offsets are %v, want 0 ≤ begin ≤ end", e.Offsets)
	}
	// Wrong sizes would shift every number after them.
	if size := e.size(); size > 0 && end-begin != size*n {
		return fmt.Errorf("data_offsets are %v, want %d bytes for shape %v of %s", e.Offsets, size*n, e.Shape, e.DType)
	}
	return nil
}

// size is the number of bytes per number; 0 if Reader.Tensor does not support the type.
func (e entry) size() int {
	switch e.DType {
	case "F32":
		return 4
	case "F16", "BF16":
		return 2
	}
	return 0
}

// elements returns the number of elements of a shape.
func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape is %v, want no negative length", shape)
		}
		// Four bytes for each: the product in bytes must not overflow either.
		if d > 0 && n > math.MaxInt/4/d {
			return 0, fmt.Errorf("shape is %v, want at most %d elements", shape, math.MaxInt/4)
		}
		n *= d
	}
	return n, nil
}

// bad returns an error that matches ErrFormat.
func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}
