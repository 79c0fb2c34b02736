package nn

import (
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
)

// An Embedding layer maps each token to a row: the token's own, plus that of its position in the
// example, counted from 0, plus that of the first segment. It is the input layer of J. Devlin, M.
// Chang, K. Lee, K. Toutanova, "BERT: Pre-training of Deep Bidirectional Transformers for Language
// Understanding", 2019, for texts without a second part.
type Embedding struct {
	Tokens    *Param // v×d
	Positions *Param // p×d, p rows in the longest example; nil: none
	Segments  *Param // s×d, only the first row is used; nil: none

	width int
	// in a fixed order, since a table may be missing
	params []*Param
	in     Batch // of the last Forward
	y      buffer
}

var _ Layer = (*Embedding)(nil)

// NewEmbedding returns a layer of zeros with rows of the given width, for the given numbers of
// tokens, positions and segments; the last two may be 0. The parameters are named as in BERT:
// name.word_embeddings.weight, name.position_embeddings.weight and
// name.token_type_embeddings.weight.
func NewEmbedding(name string, width, tokens, positions, segments int) *Embedding {
	e := &Embedding{width: width}
	table := func(kind string, rows int) *Param {
		if rows == 0 {
			return nil
		}
		p := newParam(name+"."+kind+"_embeddings.weight", true, rows, width)
		e.params = append(e.params, p)
		return p
	}
	e.Tokens, e.Positions, e.Segments = table("word", tokens), table("position", positions), table("token_type", segments)
	return e
}

// Forward implements Layer. It reads IDs, below the number of tokens, and Lens, at most the number
// of positions.
func (e *Embedding) Forward(b Batch, _ *rand.Rand) Batch {
	e.in = b
	y := e.y.matrix(len(b.IDs), e.width)
	e.each(func(row, position int) {
		at := y.Data[row*e.width:][:e.width]
		// Copied first, which saves clearing the buffer.
		copy(at, e.row(e.Tokens.Value, int(b.IDs[row])))
		if e.Positions != nil {
			kernel.Add(at, e.row(e.Positions.Value, position))
		}
		if e.Segments != nil {
			kernel.Add(at, e.Segments.Value[:e.width])
		}
	})
	// Later layers see rows only.
	b.X, b.IDs = y, nil
	return b
}

// Backward implements Layer. Tokens have no gradient: dx is empty.
func (e *Embedding) Backward(dy blas32.General, _ bool) (dx blas32.General) {
	tokens := !e.Tokens.Frozen
	positions := e.Positions != nil && !e.Positions.Frozen
	if tokens || positions {
		// Tokens that occur several times add up, always in the order of rows.
		e.each(func(row, position int) {
			at := dy.Data[row*dy.Stride:][:e.width]
			if tokens {
				kernel.Add(e.row(e.Tokens.Grad, int(e.in.IDs[row])), at)
			}
			if positions {
				kernel.Add(e.row(e.Positions.Grad, position), at)
			}
		})
	}
	// All rows share one segment.
	if e.Segments != nil && !e.Segments.Frozen {
		kernel.AddColumnSums(e.Segments.Grad[:e.width], dy)
	}
	return blas32.General{}
}

// each calls f for each row of the last batch with its position.
func (e *Embedding) each(f func(row, position int)) {
	if e.in.Lens == nil {
		// One row for each example: each is at the first position.
		for row := range e.in.IDs {
			f(row, 0)
		}
		return
	}
	row := 0
	for _, n := range e.in.Lens {
		for position := range n {
			f(row, position)
			row++
		}
	}
}

// row returns row i of a table.
func (e *Embedding) row(table []float32, i int) []float32 {
	return table[i*e.width : (i+1)*e.width]
}

// Params implements Layer: tokens, positions, segments.
func (e *Embedding) Params() []*Param { return e.params }
