package safetensors

import (
	"errors"
	"strings"
	"testing"
)

func TestForeignFilesAreNamed(t *testing.T) {
	whole, err := Marshal(File{Tensors: map[string]Tensor{"a": {Shape: []int{100}, Data: make([]float32, 100)}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ file, want string }{
		"LFS pointer":        {"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n", "Git LFS pointer, not the file itself: run git lfs pull"},
		"web page":           {"\n<!DOCTYPE html><html><head><title>404</title></head></html>", "web page"},
		"web page, lower":    {"<html><body>Not found</body></html>", "web page"},
		"torch.save":         {"PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00\x00\x00\x00\x00", "zip archive"},
		"pickle":             {"\x80\x02}q\x00(X\x06\x00\x00\x00weight", "Python pickle"},
		"index":              {`{"metadata": {"total_size": 5}, "weight_map": {}}`, "JSON"},
		"gzip":               {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "gzip"},
		"GGUF":               {"GGUF\x03\x00\x00\x00\x00\x00\x00\x00", "GGUF"},
		"something else":     {"Lorem ipsum dolor sit amet", "not a safetensors file"},
		"cut in its header":  {string(whole[:40]), "the file is cut off: its header"},
		"cut in its numbers": {string(whole[:len(whole)-4]), `the file is cut off: tensor "a" ends at byte 400 of the data, and 396 are there`},
	} {
		_, err := Unmarshal([]byte(c.file))
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an ErrFormat with %q", name, err, c.want)
		}
	}
}
