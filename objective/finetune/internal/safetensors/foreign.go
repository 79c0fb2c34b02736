package safetensors

import (
	"bytes"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/file"
)

// foreign describes a file without a header by its first bytes; "" if unknown. A file in place of
// weights is often not damaged, but something else.
func foreign(head []byte) string {
	if file.IsLFS(head) {
		return file.LFS
	}
	// Checked in order; no prefix begins another.
	for _, kind := range []struct{ begins, is string }{
		{"PK\x03\x04",
			"is a zip archive, as PyTorch's torch.save writes it: load it with transformers and save it with save_pretrained"},
		{"\x80\x02", "is a Python pickle: load it with transformers and save it with save_pretrained"},
		{"\x80\x03", "is a Python pickle: load it with transformers and save it with save_pretrained"},
		{"\x80\x04", "is a Python pickle: load it with transformers and save it with save_pretrained"},
		{"\x80\x05", "is a Python pickle: load it with transformers and save it with save_pretrained"},
		{"\x89HDF\r\n", "is an HDF5 file, as Keras writes it: load it with transformers and save it with save_pretrained"},
		{"\x1f\x8b", "is compressed with gzip: unpack it"},
		{"GGUF", "is a GGUF file of llama.cpp, want model.safetensors"},
		{"{", "is JSON without the length before it, want model.safetensors itself and not its index"},
	} {
		if bytes.HasPrefix(head, []byte(kind.begins)) {
			return kind.is
		}
	}
	// Servers answer a failed download with a page, often after blanks or a byte order mark.
	text := bytes.ToLower(bytes.TrimLeft(head, "\xef\xbb\xbf \t\r\n"))
	if bytes.HasPrefix(text, []byte("<!doctype")) || bytes.HasPrefix(text, []byte("<html")) {
		return "is a web page, not the weights: the download went wrong"
	}
	return ""
}
