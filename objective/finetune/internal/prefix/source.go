package prefix

import (
	"context"
	"errors"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

// errDependent reports a layer that breaks the rule of nn.Layer.
var errDependent = errors.New("the output of a frozen block for one example depends on the others")

// A source is the origin of features.
type source struct {
	front nn.Sequential
	data  nn.Batch
	keys  []Hash // of the features after each block of front
	marks []Hash // outputs of each block for the first example alone
}

// newSource returns the source of front's outputs for the data with that kernel. The hashes of its
// blocks are at the start of blocks.
//
// A key depends on the kernel, the data, the weights, and the output for the first example. The
// latter distinguishes layers with equal weights that compute differently, such as attention with
// another number of heads.
func newSource(kernel string, front nn.Sequential, blocks []Hash, data nn.Batch) *source {
	s := &source{front: front, data: data}
	key := join(hashText(kernel), hashBatch(data))
	// The first example only: it is enough to tell layers apart, and cheap.
	for x := range batch.Chunks(data, 1) {
		for i, b := range front {
			x = b.Forward(x, nil)
			mark := hashBatch(x)
			// Without the mark of this block: the next key has its own, which depends on all
			// before.
			key = join(key, blocks[i])
			s.marks, s.keys = append(s.marks, mark), append(s.keys, join(key, mark))
		}
		// One pass of the range: Chunks yields views, and only the first is wanted.
		break
	}
	return s
}

// key returns the key of the features after the last block.
func (s *source) key() Hash { return s.keys[len(s.keys)-1] }

// compute returns the features after the last block from those after the first `from` blocks. It
// stops with the error of ctx, and with errDependent.
func (s *source) compute(ctx context.Context, from int, b nn.Batch) (f nn.Batch, err error) {
	if f, err = batch.Features(ctx, s.front[from:], b); err != nil {
		return nn.Batch{}, err
	}
	// If other examples changed the first one's output, features of a batch would not be
	// those of an epoch.
	for first := range batch.Chunks(f, 1) {
		if hashBatch(first) != s.marks[len(s.marks)-1] {
			return nn.Batch{}, errDependent
		}
		break
	}
	return f, nil
}
