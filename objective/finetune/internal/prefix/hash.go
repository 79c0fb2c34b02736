package prefix

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// A Hash is the SHA-256 of data or weights.
type Hash [sha256.Size]byte

// HashBlocks returns a hash of each block's layer types and parameters: names, shapes and values.
func HashBlocks(blocks nn.Sequential) []Hash {
	all := make([]Hash, len(blocks))
	for i, b := range blocks {
		h := newHasher()
		// Types matter, because ReLU and GELU have no parameters that could tell them apart.
		nn.Walk(b, func(l nn.Layer) { h.text(fmt.Sprintf("%T", l)) })
		for _, p := range b.Params() {
			h.text(p.Name)
			h.ints(p.Shape)
			h.floats(p.Value)
		}
		all[i] = h.sum()
	}
	return all
}

// HashSet returns a hash of the examples, labels and targets of a set.
func HashSet(s train.Set) Hash {
	h := newHasher()
	h.ints(s.Labels)
	h.floats(s.Targets)
	return join(hashBatch(s.Batch), h.sum())
}

// hashBatch returns a hash of b.
func hashBatch(b nn.Batch) Hash {
	h := newHasher()
	h.ints([]int{b.X.Rows, b.X.Cols})
	// Data may have spare room behind the rows.
	h.floats(b.X.Data[:b.X.Rows*b.X.Cols])
	h.ints(b.Lens)
	// IDs have 32 bits; ints would write 64.
	h.number(uint64(len(b.IDs)))
	for _, id := range b.IDs {
		h.put(uint32(id))
	}
	return h.sum()
}

// hashText returns a hash of s.
func hashText(s string) Hash {
	h := newHasher()
	h.text(s)
	return h.sum()
}

// join returns the hash of several hashes in order.
func join(hashes ...Hash) Hash {
	h := newHasher()
	for _, x := range hashes {
		// Hashes have one length and need no prefix.
		h.w.Write(x[:])
	}
	return h.sum()
}

// A hasher hashes arrays, each prefixed by its length, so that different sequences of arrays never
// give the same bytes.
type hasher struct {
	w hash.Hash
	// Small writes are gathered: SHA-256 is fastest on whole blocks.
	buf []byte // not written yet
}

// newHasher returns a hasher with 8 KiB for numbers.
func newHasher() *hasher { return &hasher{w: sha256.New(), buf: make([]byte, 0, 1<<13)} }

// text adds a string.
func (h *hasher) text(s string) {
	h.number(uint64(len(s)))
	h.flush()
	h.w.Write([]byte(s))
}

// ints adds numbers with 64 bits, on every machine.
func (h *hasher) ints(x []int) {
	h.number(uint64(len(x)))
	for _, n := range x {
		h.number(uint64(n))
	}
}

// floats adds the bits of numbers: -0 and 0 differ, and NaN equals itself.
func (h *hasher) floats(x []float32) {
	h.number(uint64(len(x)))
	h.flush()
	buf := h.buf[:cap(h.buf)]
	for part := range slices.Chunk(x, len(buf)/4) {
		for i, v := range part {
			binary.LittleEndian.PutUint32(buf[4*i:], math.Float32bits(v))
		}
		h.w.Write(buf[:4*len(part)])
	}
}

// number adds 64 bits, low half first.
func (h *hasher) number(n uint64) {
	h.put(uint32(n))
	h.put(uint32(n >> 32))
}

// put adds 32 bits.
func (h *hasher) put(n uint32) {
	if len(h.buf)+4 > cap(h.buf) {
		h.flush()
	}
	h.buf = binary.LittleEndian.AppendUint32(h.buf, n)
}

// flush hashes what is gathered, before anything is written past it.
func (h *hasher) flush() {
	h.w.Write(h.buf)
	h.buf = h.buf[:0]
}

// sum ends the hasher.
func (h *hasher) sum() (sum Hash) {
	h.flush()
	h.w.Sum(sum[:0])
	return sum
}
