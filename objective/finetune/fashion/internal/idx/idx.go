// Package idx reads and writes arrays of bytes in the IDX format of the MNIST family: a magic
// number with the number of dimensions, each size as a big-endian 32-bit number, and the bytes. Y.
// LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
package idx

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// An Array is an array of bytes; the last index runs fastest.
type Array struct {
	Shape []int // each at least 0
	Data  []byte
}

const unsignedByte = 0x08

// Unmarshal reads a gzipped file. It trusts the sizes in the header only as far as data follow.
func Unmarshal(file []byte) (Array, error) {
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return Array{}, err
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return Array{}, err
	}
	if len(b) < 4 || b[0] != 0 || b[1] != 0 || b[2] != unsignedByte {
		return Array{}, errors.New("the IDX file does not start with the magic number of a byte array")
	}
	dims := int(b[3])
	if len(b) < 4+4*dims {
		return Array{}, fmt.Errorf("the IDX file ends within its header of %d dimensions", dims)
	}
	a := Array{Data: b[4+4*dims:]}
	n := uint64(1)
	for i := range dims {
		size := binary.BigEndian.Uint32(b[4+4*i:])
		a.Shape = append(a.Shape, int(size))
		if n *= uint64(size); n > uint64(len(b)) && size > 0 {
			break // before it overflows; the next check fails
		}
	}
	if n != uint64(len(a.Data)) {
		return Array{}, fmt.Errorf("%d bytes follow the header of the IDX file, want as many as the sizes %v say",
			len(a.Data), a.Shape)
	}
	return a, nil
}

// Marshal returns the gzipped file of a.
func Marshal(a Array) ([]byte, error) {
	b := []byte{0, 0, unsignedByte, byte(len(a.Shape))}
	for _, size := range a.Shape {
		b = binary.BigEndian.AppendUint32(b, uint32(size))
	}
	var file bytes.Buffer
	z, err := gzip.NewWriterLevel(&file, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(append(b, a.Data...)); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return file.Bytes(), nil
}
