// Package safetensors reads and writes the safetensors file format, which
// weights are commonly exchanged in, as arrays of float32. It also reads the
// two formats of half the size, float16 and bfloat16.
//
// A file is an 8-byte little-endian length, a JSON object of that length, and
// the numbers:
//
//	{"name": {"dtype": "F32", "shape": [out, in], "data_offsets": [begin, end]},
//	 "__metadata__": {"key": "text"}}
//
// The offsets count from the end of the header; together the tensors cover the
// rest of the file exactly, without holes and overlaps.
// https://github.com/huggingface/safetensors
package safetensors

import (
	"errors"
	"fmt"
	"math"
)

// ErrFormat is matched by the errors about files that are not whole and valid,
// and about contents that no file can have.
var ErrFormat = errors.New("bad format")

// A File is the contents of a safetensors file.
type File struct {
	Metadata map[string]string // free text; nil if there is none
	Tensors  map[string]Tensor // by name
}

// A Tensor is an array of numbers, the last index running fastest.
type Tensor struct {
	Shape []int     // none negative; an empty one means one number
	Data  []float32 // as many as the product of Shape
}

const metadataKey = "__metadata__"

// maxHeader is how long a header may be in bytes, by the format.
const maxHeader = 100_000_000

// entry is how the header describes a tensor.
type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// check looks at what can be checked without the data. Of types that are not
// read it does not know the size.
func (e entry) check() error {
	n, err := elements(e.Shape)
	if err != nil {
		return err
	}
	begin, end := e.Offsets[0], e.Offsets[1]
	if begin < 0 || begin > end {
		return fmt.Errorf("data_offsets are %v, want 0 ≤ begin ≤ end", e.Offsets)
	}
	if size := e.size(); size > 0 && end-begin != size*n {
		return fmt.Errorf("data_offsets are %v, want %d bytes for shape %v of %s", e.Offsets, size*n, e.Shape, e.DType)
	}
	return nil
}

// size is the bytes of a number; 0 if Reader.Tensor does not read the type.
func (e entry) size() int {
	switch e.DType {
	case "F32":
		return 4
	case "F16", "BF16":
		return 2
	}
	return 0
}

// elements is the number of elements of a shape.
func elements(shape []int) (int, error) {
	n := 1
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("shape is %v, want no negative length", shape)
		}
		if d > 0 && n > math.MaxInt/4/d {
			return 0, fmt.Errorf("shape is %v, want at most %d elements", shape, math.MaxInt/4)
		}
		n *= d
	}
	return n, nil
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}
