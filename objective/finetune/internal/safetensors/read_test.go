package safetensors

import (
	"bytes"
	"errors"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// testdata/half.safetensors is written by the reference implementation:
// testdata/make.py.
func TestReaderConvertsNumbersOfHalfTheSize(t *testing.T) {
	r, err := Open("testdata/half.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if want := []string{"bf16", "f16", "f32", "position_ids"}; !slices.Equal(slices.Sorted(maps.Keys(r.entries)), want) {
		t.Errorf("names are %q, want %q", slices.Sorted(maps.Keys(r.entries)), want)
	}
	if want := map[string]string{"format": "pt"}; !reflect.DeepEqual(r.metadata, want) {
		t.Errorf("metadata are %v, want %v", r.metadata, want)
	}
	negative, inf := float32(math.Copysign(0, -1)), float32(math.Inf(1))
	for name, want := range map[string][]float32{
		"f16":  {0, negative, 1, -1.5, 0.33325195, 65504, 5.9604645e-08, 6.1035156e-05, inf, -inf},
		"bf16": {0, negative, 1, -1.5, 0.33398438, 65536, 6.007030606269836e-08, 6.1035156e-05, inf, -inf, 3.00405527047391e+38, 9.183549615799121e-41},
		"f32":  {1, 2},
	} {
		got, err := r.Tensor(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i := range want {
			if math.Float32bits(got.Data[i]) != math.Float32bits(want[i]) {
				t.Errorf("%s: number %d is %v, want %v", name, i, got.Data[i], want[i])
			}
		}
	}
	if shape, ok := r.Shape("f32"); !ok || !slices.Equal(shape, []int{2, 1}) {
		t.Errorf("shape is %v, %v, want [2 1]", shape, ok)
	}
	for name, want := range map[string]string{"position_ids": `dtype is "I64", want F32, F16 or BF16`, "g32": `tensor "g32" is missing`} {
		if _, err := r.Tensor(name); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", name, err, want)
		}
	}
	if _, err := ReadFile("testdata/half.safetensors"); !errors.Is(err, ErrFormat) {
		t.Errorf("all of it: error is %v, want ErrFormat for the integers", err)
	}
}

func TestHalfIsItsDefinition(t *testing.T) {
	for h := range 1 << 16 {
		got := float64(half(uint16(h)))
		sign, exponent, fraction := 1-2*float64(h>>15), h>>10&0x1F, float64(h&0x3FF)
		want := sign * math.Ldexp(1+fraction/1024, exponent-15)
		switch {
		case exponent == 0:
			want = sign * math.Ldexp(fraction/1024, -14)
		case exponent == 0x1F && fraction == 0:
			want = math.Inf(int(sign))
		case exponent == 0x1F:
			want = math.NaN()
		}
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || !math.IsNaN(want) && math.Signbit(got) != (sign < 0) {
			t.Fatalf("half(%#x) is %v, want %v", h, got, want)
		}
	}
}

func TestFilesLargerThanABuffer(t *testing.T) {
	data := make([]float32, 100_003)
	for i := range data {
		data[i] = float32(i) / 7
	}
	want := File{Metadata: map[string]string{"format": "pt"}, Tensors: map[string]Tensor{
		"a": {Shape: []int{100_003}, Data: data}, "b": {Shape: []int{1 << 14}, Data: data[:1<<14]}, "c": {Shape: []int{1<<14 + 1}, Data: data[:1<<14+1]},
	}}
	var b bytes.Buffer
	if err := Write(&b, want); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Error("what is read is not what was written")
	}
	if m, err := Marshal(want); err != nil || !bytes.Equal(m, b.Bytes()) {
		t.Errorf("Marshal gives other bytes than Write (%v)", err)
	}
}

func TestFilesCutShort(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	for n := range reference {
		if err := os.WriteFile(path, reference[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(path); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), path) {
			t.Fatalf("%d of %d bytes: error is %v, want ErrFormat and the path", n, len(reference), err)
		}
	}
	if err := os.WriteFile(path, reference, 0o666); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := os.Truncate(path, int64(len(reference)-5)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.all(); !errors.Is(err, ErrFormat) {
		t.Errorf("cut while open: error is %v, want ErrFormat", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: error is %v", err)
	}
}

func BenchmarkReader(b *testing.B) {
	f := File{Tensors: map[string]Tensor{"x": {Shape: []int{1 << 22}, Data: make([]float32, 1<<22)}}}
	file, err := Marshal(f)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		if _, err := Unmarshal(file); err != nil {
			b.Fatal(err)
		}
	}
}
