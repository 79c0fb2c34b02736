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
	h.floats(b.X.Data[:b.X.Rows*b.X.Cols])
	h.ints(b.Lens)
	h.number(uint64(len(b.IDs)))
	for _, id := range b.IDs {
		h.put(uint32(id))
	}
	return h.sum()
}

func hashText(s string) Hash {
	h := newHasher()
	h.text(s)
	return h.sum()
}

// join returns the hash of several hashes in order.
func join(hashes ...Hash) Hash {
	h := newHasher()
	for _, x := range hashes {
		h.w.Write(x[:])
	}
	return h.sum()
}

// A hasher hashes arrays, each prefixed by its length, so that different sequences of arrays never
// give the same bytes.
type hasher struct {
	w   hash.Hash
	buf []byte // not written yet
}

func newHasher() *hasher { return &hasher{w: sha256.New(), buf: make([]byte, 0, 1<<13)} }

func (h *hasher) text(s string) {
	h.number(uint64(len(s)))
	h.flush()
	h.w.Write([]byte(s))
}

func (h *hasher) ints(x []int) {
	h.number(uint64(len(x)))
	for _, n := range x {
		h.number(uint64(n))
	}
}

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

func (h *hasher) number(n uint64) {
	h.put(uint32(n))
	h.put(uint32(n >> 32))
}

func (h *hasher) put(n uint32) {
	if len(h.buf)+4 > cap(h.buf) {
		h.flush()
	}
	h.buf = binary.LittleEndian.AppendUint32(h.buf, n)
}

func (h *hasher) flush() {
	h.w.Write(h.buf)
	h.buf = h.buf[:0]
}

func (h *hasher) sum() (sum Hash) {
	h.flush()
	h.w.Sum(sum[:0])
	return sum
}
