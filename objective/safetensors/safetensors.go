// Package safetensors reads and writes the safetensors file format for arrays
// of float32: the format that weights are commonly exchanged in.
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
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// ErrFormat is matched by the errors of Unmarshal and Marshal.
var ErrFormat = errors.New("safetensors: bad format")

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

// entry is how the header describes a tensor.
type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// Unmarshal reads a file. Anything that is not a whole, valid file of float32
// tensors is an error that matches ErrFormat; no input makes it panic or
// allocate much more than its own size. The result shares no memory with b.
func Unmarshal(b []byte) (File, error) {
	if len(b) < 8 {
		return File{}, bad("file has %d bytes, want at least 8", len(b))
	}
	n := binary.LittleEndian.Uint64(b)
	if n > uint64(len(b)-8) {
		return File{}, bad("header has %d bytes, want at most %d", n, len(b)-8)
	}
	header, data := b[8:8+n], b[8+n:]
	if !bytes.HasPrefix(header, []byte("{")) {
		return File{}, bad("header does not begin with {")
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return File{}, bad("header: %v", err)
	}
	var f File
	if text, ok := raw[metadataKey]; ok {
		if err := json.Unmarshal(text, &f.Metadata); err != nil {
			return File{}, bad("%s: %v", metadataKey, err)
		}
		delete(raw, metadataKey)
	}
	entries := make(map[string]entry, len(raw))
	for name, text := range raw {
		var e entry
		if err := json.Unmarshal(text, &e); err != nil {
			return File{}, bad("tensor %q: %v", name, err)
		}
		if err := e.check(); err != nil {
			return File{}, bad("tensor %q: %v", name, err)
		}
		entries[name] = e
	}
	f.Tensors = make(map[string]Tensor, len(raw))
	end := 0
	for _, name := range slices.SortedFunc(maps.Keys(entries), func(a, b string) int {
		x, y := entries[a].Offsets, entries[b].Offsets
		return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), cmp.Compare(a, b))
	}) {
		e := entries[name]
		if e.Offsets[0] != end || e.Offsets[1] > len(data) {
			return File{}, bad("tensor %q: data_offsets are %v, want to begin at %d and end at %d at most", name, e.Offsets, end, len(data))
		}
		end = e.Offsets[1]
		f.Tensors[name] = Tensor{Shape: e.Shape, Data: decode(data[e.Offsets[0]:end])}
	}
	if end != len(data) {
		return File{}, bad("tensors end at %d, want the end of the data, which is %d", end, len(data))
	}
	return f, nil
}

// check looks at what can be checked without the data.
func (e entry) check() error {
	if e.DType != "F32" {
		return fmt.Errorf("dtype is %q, want F32", e.DType)
	}
	n, err := elements(e.Shape)
	if err != nil {
		return err
	}
	if begin, end := e.Offsets[0], e.Offsets[1]; begin < 0 || begin > end || end-begin != 4*n {
		return fmt.Errorf("data_offsets are %v, want %d bytes for shape %v", e.Offsets, 4*n, e.Shape)
	}
	return nil
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

func decode(b []byte) []float32 {
	x := make([]float32, len(b)/4)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x
}

// Marshal writes a file: the tensors sorted by name, the header padded with
// spaces so that the numbers begin at a multiple of 8. Equal files give equal
// bytes. A tensor whose Data does not fit its Shape, or with the name
// __metadata__, is an error that matches ErrFormat.
func Marshal(f File) ([]byte, error) {
	header := make(map[string]any, len(f.Tensors)+1)
	if f.Metadata != nil {
		header[metadataKey] = f.Metadata
	}
	names := slices.Sorted(maps.Keys(f.Tensors))
	end := 0
	for _, name := range names {
		t := f.Tensors[name]
		n, err := elements(t.Shape)
		switch {
		case name == metadataKey:
			return nil, bad("tensor %q: the name is reserved", name)
		case err != nil:
			return nil, bad("tensor %q: %v", name, err)
		case n != len(t.Data):
			return nil, bad("tensor %q: data has %d numbers, want %d for shape %v", name, len(t.Data), n, t.Shape)
		}
		shape := append([]int{}, t.Shape...) // not nil, which would become null
		header[name] = entry{DType: "F32", Shape: shape, Offsets: [2]int{end, end + 4*n}}
		end += 4 * n
	}
	text, err := json.Marshal(header) // which sorts the names
	if err != nil {
		return nil, err
	}
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, 8+len(text)+end), uint64(len(text)))
	b = append(b, text...)
	for _, name := range names {
		for _, x := range f.Tensors[name].Data {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	}
	return b, nil
}

func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, args...))
}
