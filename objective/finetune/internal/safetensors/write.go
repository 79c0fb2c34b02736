package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"maps"
	"math"
	"slices"
)

// Marshal returns what Write writes.
func Marshal(f File) ([]byte, error) {
	var b bytes.Buffer
	// Growing once avoids copying hundreds of megabytes.
	n := 0
	for _, t := range f.Tensors {
		n += 4 * len(t.Data)
	}
	b.Grow(n + 128*len(f.Tensors) + 1024)
	if err := Write(&b, f); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Write writes a file, with tensors sorted by name and a header padded with spaces to a multiple of
// 8 bytes. Equal files give equal bytes. A tensor whose Data does not fit its Shape, or with the
// name __metadata__, is an error matching ErrFormat, and nothing is written.
func Write(w io.Writer, f File) error {
	header := make(map[string]any, len(f.Tensors)+1)
	if f.Metadata != nil {
		header[metadataKey] = f.Metadata
	}
	// Sorted names make equal files equal, also in their bytes.
	names := slices.Sorted(maps.Keys(f.Tensors))
	end := 0
	for _, name := range names {
		t := f.Tensors[name]
		n, err := elements(t.Shape)
		switch {
		case name == metadataKey:
			return bad("tensor %q: the name is reserved", name)
		case err != nil:
			return bad("tensor %q: %v", name, err)
		case n != len(t.Data):
			return bad("tensor %q: data has %d numbers, want %d for shape %v", name, len(t.Data), n, t.Shape)
		}
		shape := append([]int{}, t.Shape...) // not nil, which would become null
		header[name] = entry{DType: "F32", Shape: shape, Offsets: [2]int{end, end + 4*n}}
		end += 4 * n
	}
	text, err := json.Marshal(header) // which sorts the names
	if err != nil {
		return err
	}
	// Readers that map the file want aligned numbers.
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if _, err := w.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...)); err != nil {
		return err
	}
	// Converted piece by piece: the whole would double the memory.
	buffer := make([]byte, 0, 1<<16)
	for _, name := range names {
		for part := range slices.Chunk(f.Tensors[name].Data, cap(buffer)/4) {
			buffer = buffer[:0]
			for _, x := range part {
				buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(x))
			}
			if _, err := w.Write(buffer); err != nil {
				return err
			}
		}
	}
	return nil
}
