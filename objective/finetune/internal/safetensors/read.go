package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
)

// A Reader reads tensors one by one, on demand. Goroutines may share it.
type Reader struct {
	metadata map[string]string
	entries  map[string]entry
	// ReadAt has no position, so goroutines need no lock.
	data io.ReaderAt // after the header
	file *os.File    // nil: not opened here
}

// Open reads the header of a file and keeps the file open until Close.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	r, err := NewReader(f, info.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.file = f
	return r, nil
}

// Close closes the file of a Reader of Open.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// NewReader reads the header of a file of the given size in bytes. A file that is incomplete or
// invalid is an error matching ErrFormat; no contents make it panic or allocate much more than
// their size.
func NewReader(file io.ReaderAt, size int64) (*Reader, error) {
	if size < 8 {
		return nil, bad("the file has %d bytes, want at least 8", size)
	}
	// Enough of the start to recognize other formats.
	head := make([]byte, min(size, 64))
	if err := readAt(file, head, 0); err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint64(head)
	// Only if the header makes no sense: a valid file may begin with any length.
	if n > uint64(size-8) || size > 8 && head[8] != '{' {
		if what := foreign(head); what != "" {
			return nil, bad("the file %s", what)
		}
	}
	switch {
	// Before anything is allocated by a number from the file.
	case n > maxHeader:
		return nil, bad(
			"the first 8 bytes, the length of the header, say %d, want at most %d: this is not a safetensors file",
			n, maxHeader)
	case n > uint64(size-8):
		return nil, bad("the file is cut off: its header has %d bytes, and %d are there", n, size-8)
	}
	header := make([]byte, n)
	if err := readAt(file, header, 8); err != nil {
		return nil, err
	}
	// The section keeps offsets in the header from reaching back into it.
	start := 8 + int64(n)
	r := &Reader{data: io.NewSectionReader(file, start, size-start)}
	return r, r.parse(header, int(size-start))
}

// parse reads the header of a file with size bytes of data.
func (r *Reader) parse(header []byte, size int) error {
	if !bytes.HasPrefix(header, []byte("{")) {
		return bad("header does not begin with {")
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		return bad("header: %v", err)
	}
	if text, ok := raw[metadataKey]; ok {
		if err := json.Unmarshal(text, &r.metadata); err != nil {
			return bad("%s: %v", metadataKey, err)
		}
		// It is no tensor.
		delete(raw, metadataKey)
	}
	r.entries = make(map[string]entry, len(raw))
	for name, text := range raw {
		var e entry
		if err := json.Unmarshal(text, &e); err != nil {
			return bad("tensor %q: %v", name, err)
		}
		if err := e.check(); err != nil {
			return bad("tensor %q: %v", name, err)
		}
		r.entries[name] = e
	}
	// Sorted by offset, each must begin where the last one ended: no gap hides data, no
	// overlap shares it.
	end := 0
	for _, name := range slices.SortedFunc(maps.Keys(r.entries), func(a, b string) int {
		// Empty tensors share their start with the next one, so the end decides too.
		x, y := r.entries[a].Offsets, r.entries[b].Offsets
		return cmp.Or(cmp.Compare(x[0], y[0]), cmp.Compare(x[1], y[1]), cmp.Compare(a, b))
	}) {
		e := r.entries[name]
		// The usual damage, a download that stopped, gets a message of its own.
		if e.Offsets[0] == end && e.Offsets[1] > size {
			return bad("the file is cut off: tensor %q ends at byte %d of the data, and %d are there", name, e.Offsets[1], size)
		}
		if e.Offsets[0] != end {
			return bad("tensor %q: data_offsets are %v, want to begin at %d", name, e.Offsets, end)
		}
		end = e.Offsets[1]
	}
	// Trailing bytes belong to no tensor.
	if end != size {
		return bad("tensors end at %d, want the end of the data, which is %d", end, size)
	}
	return nil
}

// Shape returns the shape of a tensor without reading it; ok is false if there is none of that
// name.
func (r *Reader) Shape(name string) (shape []int, ok bool) {
	e, ok := r.entries[name]
	return e.Shape, ok
}

// Tensor reads a tensor into new memory. A missing tensor, or a type other than F32, F16 and BF16,
// is an error matching ErrFormat.
func (r *Reader) Tensor(name string) (Tensor, error) {
	e, ok := r.entries[name]
	if !ok {
		return Tensor{}, bad("tensor %q is missing", name)
	}
	// Types are only checked here: a file may hold ints that nobody asks for.
	size := e.size()
	if size == 0 {
		return Tensor{}, bad("tensor %q: dtype is %q, want F32, F16 or BF16", name, e.DType)
	}
	n := (e.Offsets[1] - e.Offsets[0]) / size
	// Room for whole groups of 16 makes Go align the memory to 16 bytes.
	t := Tensor{Shape: slices.Clone(e.Shape), Data: make([]float32, n, (n+15)/16*16)}
	const piece = 1 << 14 // numbers read at once, which fit the cache
	buffer := make([]byte, min(piece, n)*size)
	for i := 0; i < n; i += piece {
		to := t.Data[i:min(n, i+piece)]
		from := buffer[:len(to)*size]
		if err := readAt(r.data, from, int64(e.Offsets[0]+i*size)); err != nil {
			return Tensor{}, fmt.Errorf("tensor %q: %w", name, err)
		}
		decode(to, from, e.DType)
	}
	return t, nil
}

// decode converts the numbers in b.
func decode(to []float32, b []byte, dtype string) {
	switch dtype {
	case "F32":
		for i := range to {
			to[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case "BF16": // the upper half of a float32
		for i := range to {
			to[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b[2*i:])) << 16)
		}
	case "F16":
		for i := range to {
			to[i] = half(binary.LittleEndian.Uint16(b[2*i:]))
		}
	}
}

// half returns the value of an IEEE 754 binary16: a sign, 5 bits of exponent
// with bias 15, 10 bits of fraction.
func half(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exponent, fraction := uint32(h>>10&0x1F), uint32(h&0x3FF)
	switch exponent {
	case 0: // zero or subnormal: fraction · 2⁻²⁴, which is exact
		return math.Float32frombits(sign | math.Float32bits(float32(fraction)*0x1p-24))
	case 0x1F: // infinity or NaN
		return math.Float32frombits(sign | 0xFF<<23 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// readAt fills b. A file that ends earlier is incomplete.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == io.EOF:
		return bad("the file ends %d bytes too early", len(b)-n)
	}
	return err
}

// ReadFile is Unmarshal for a file.
func ReadFile(path string) (File, error) {
	r, err := Open(path)
	if err != nil {
		return File{}, err
	}
	defer r.Close()
	f, err := r.all()
	if err != nil {
		return File{}, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Unmarshal reads a file. An incomplete or invalid file, or one with a tensor that Reader.Tensor
// does not read, is an error matching ErrFormat; no input makes it panic or allocate much more than
// twice its size. The result shares no memory with b.
func Unmarshal(b []byte) (File, error) {
	r, err := NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return File{}, err
	}
	return r.all()
}

// all reads every tensor.
func (r *Reader) all() (File, error) {
	f := File{Metadata: r.metadata, Tensors: make(map[string]Tensor, len(r.entries))}
	for name := range r.entries {
		t, err := r.Tensor(name)
		if err != nil {
			return File{}, err
		}
		f.Tensors[name] = t
	}
	return f, nil
}
