package safetensors

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

//go:embed testdata/reference.safetensors
var reference []byte // written by the reference implementation: testdata/make.py

func TestUnmarshalReadsTheFileOfTheReferenceImplementation(t *testing.T) {
	got, err := Unmarshal(reference)
	if err != nil {
		t.Fatal(err)
	}
	want := File{
		Metadata: map[string]string{"made by": "the reference implementation"},
		Tensors: map[string]Tensor{
			"b":        {Shape: []int{2, 3}, Data: []float32{0, 0.25, 0.5, 0.75, 1, 1.25}},
			"a.weight": {Shape: []int{3}, Data: []float32{-1.5, 1e-45, 3e38}},
			"scalar":   {Shape: []int{}, Data: []float32{7}},
			"empty":    {Shape: []int{0, 2}, Data: []float32{}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestMarshalWritesWhatTheReferenceImplementationWrites(t *testing.T) {
	f, err := Unmarshal(reference)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, reference) {
		t.Errorf("got\n%q, want\n%q", got, reference)
	}
}

func TestRoundTrip(t *testing.T) {
	for name, f := range map[string]File{
		"nothing":            {Tensors: map[string]Tensor{}},
		"metadata only":      {Metadata: map[string]string{"a": "\"ü\n"}, Tensors: map[string]Tensor{}},
		"all kinds of float": {Tensors: map[string]Tensor{"x": {Shape: []int{4}, Data: []float32{float32(math.Inf(-1)), 0, math.SmallestNonzeroFloat32, -math.MaxFloat32}}}},
		"empty tensors":      {Tensors: map[string]Tensor{"a": {Shape: []int{0}, Data: []float32{}}, "b": {Shape: []int{2}, Data: []float32{1, 2}}, "c": {Shape: []int{3, 0}, Data: []float32{}}}},
	} {
		b, err := Marshal(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n := binary.LittleEndian.Uint64(b); n%8 != 0 {
			t.Errorf("%s: header has %d bytes, want a multiple of 8", name, n)
		}
		got, err := Unmarshal(b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, f) {
			t.Errorf("%s: got %v, want %v", name, got, f)
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	for name, tensors := range map[string]map[string]Tensor{
		"too few numbers":   {"x": {Shape: []int{3}, Data: make([]float32, 2)}},
		"too many numbers":  {"x": {Shape: []int{}, Data: make([]float32, 2)}},
		"a negative length": {"x": {Shape: []int{-1, -2}, Data: make([]float32, 2)}},
		"the reserved name": {"__metadata__": {Shape: []int{1}, Data: make([]float32, 1)}},
	} {
		if _, err := Marshal(File{Tensors: tensors}); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error is %v, want ErrFormat", name, err)
		}
	}
}

// file puts a header before n bytes of data.
func fileOf(header string, n int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, n)...)
}

func TestUnmarshalRefuses(t *testing.T) {
	const x = `{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`
	if _, err := Unmarshal(fileOf(x, 8)); err != nil {
		t.Fatal(err) // the cases below are this one, damaged
	}
	for name, b := range map[string][]byte{
		"nothing":                             nil,
		"half a length":                       {1, 2, 3, 4},
		"a header beyond the end":             fileOf(x, 8)[:20],
		"a header length that overflows":      bytes.Repeat([]byte{0xff}, 64),
		"a header that is not JSON":           fileOf(`{"x"`, 8),
		"a header that is an array":           fileOf(`[]`, 0),
		"a header that begins with a space":   fileOf(" "+x, 8),
		"null":                                fileOf(`null`, 0),
		"metadata that are not text":          fileOf(`{"__metadata__":{"a":1}}`, 0),
		"a tensor that is not an object":      fileOf(`{"x":1}`, 0),
		"another type":                        fileOf(strings.Replace(x, "F32", "I32", 1), 8),
		"numbers of half the size":            fileOf(strings.Replace(x, "F32", "F16", 1), 8),
		"a negative length":                   fileOf(strings.Replace(x, "[2]", "[-1,-2]", 1), 8),
		"a shape that overflows":              fileOf(strings.Replace(x, "[2]", "[4294967296,4294967296,4294967296]", 1), 8),
		"a shape that overflows to the size":  fileOf(strings.Replace(x, "[2]", "[9223372036854775807,2]", 1), 8),
		"a size in bytes that overflows to 8": fileOf(strings.Replace(x, "[2]", "[4611686018427387906]", 1), 8),
		"a fractional length":                 fileOf(strings.Replace(x, "[2]", "[2.5]", 1), 8),
		"offsets of another size":             fileOf(strings.Replace(x, "[0,8]", "[0,4]", 1), 8),
		"offsets in the wrong order":          fileOf(strings.Replace(x, "[0,8]", "[8,0]", 1), 8),
		"negative offsets":                    fileOf(strings.Replace(x, "[0,8]", "[-8,0]", 1), 8),
		"a hole before":                       fileOf(strings.Replace(x, "[0,8]", "[4,12]", 1), 12),
		"data after the tensors":              fileOf(x, 9),
		"data that end too early":             fileOf(x, 7),
		"tensors that overlap":                fileOf(strings.TrimSuffix(x, "}")+`,"y":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}`, 12),
		"two tensors in one place":            fileOf(strings.TrimSuffix(x, "}")+`,"y":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8),
	} {
		if _, err := Unmarshal(b); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: error is %v, want ErrFormat", name, err)
		}
	}
}

// Whatever is read can be written, and reads back the same.
func FuzzUnmarshal(f *testing.F) {
	f.Add(reference)
	f.Add(fileOf(`{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8))
	f.Add(fileOf(`{"x":{"dtype":"F32","shape":[0,9],"data_offsets":[0,0]},"__metadata__":{"a":"b"}}  `, 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		file, err := Unmarshal(b)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatalf("error is %v, want ErrFormat", err)
			}
			return
		}
		first, err := Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Unmarshal(first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Fatalf("written again: %q, want %q", second, first)
		}
	})
}
