package finetune

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/probe"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// A Similarity measures how much the pretrained network already knows about the new task.
type Similarity struct {
	Depths []Depth // by the number of frozen blocks, from 0, the raw data (not for texts), to Task.Layers

	// Frozen is how many blocks the first trials should freeze: the most whose features classify
	// the validation set as well as the best depth does, within one standard error of the accuracy.
	// L. Breiman, J. Friedman, R. Olshen, C. Stone, "Classification and Regression Trees", 1984,
	// section 3.4.3.
	Frozen int

	Chance float64 // accuracy of always predicting the most frequent class
}

// Depth is the quality of the features after some blocks.
type Depth struct {
	Frozen   int     // blocks
	Accuracy float64 // of a linear probe on the validation set
	Loss     float64 // of that probe
	LogME    float64 // transferability; see probe.LogME
}

// widest is the largest number of features given to a probe. More are projected onto that many
// random sign combinations, which preserve distances well: D. Achlioptas, "Database-friendly random
// projections", 2003.
const widest = 256

// Similarity measures how well the features of the pretrained network, frozen at each depth,
// separate the labels: by a linear probe and by LogME. It costs about as much as an epoch. It is an
// error for a regression.
func (t *Task) Similarity(ctx context.Context) (Similarity, error) {
	if t.Training.Labels == nil {
		return Similarity{}, fmt.Errorf("similarity needs classes, and %s is a regression", t.Name)
	}
	if err := t.start(); err != nil {
		return Similarity{}, err
	}
	net, err := t.Network(t.Defaults, rand.New(rand.NewPCG(0, 0)))
	if err != nil {
		return Similarity{}, err
	}
	var s Similarity
	training, validation := t.Training, t.Validation
	for depth := range t.Layers + 1 {
		if depth > 0 {
			for _, part := range []*train.Set{&training, &validation} {
				if part.Batch, err = batch.Features(ctx, net.Blocks[depth-1], part.Batch); err != nil {
					return Similarity{}, err
				}
			}
		}
		if training.X.Rows == 0 {
			continue // tokens are not features
		}
		a, b := narrow(probe.Pool(training)), narrow(probe.Pool(validation))
		r, err := (probe.Linear{}).Fit(a, b)
		if err != nil {
			return Similarity{}, fmt.Errorf("similarity: %w", err)
		}
		logME, err := probe.LogME(a)
		if err != nil {
			return Similarity{}, fmt.Errorf("similarity: %w", err)
		}
		s.Depths = append(s.Depths, Depth{depth, r.Scores.Accuracy, r.Scores.Loss, logME})
		s.Chance = r.Chance
	}
	var best float64
	for _, d := range s.Depths {
		best = max(best, d.Accuracy)
	}
	tolerance := math.Sqrt(best * (1 - best) / float64(t.Validation.Len()))
	for _, d := range s.Depths {
		if d.Accuracy >= best-tolerance {
			s.Frozen = d.Frozen
		}
	}
	return s, nil
}

// narrow returns s with at most widest columns.
func narrow(s train.Set) train.Set {
	d := s.X.Cols
	if d <= widest {
		return s
	}
	rng := rand.New(rand.NewPCG(uint64(d), 0)) // the same for all sets
	x := blas32.General{Rows: s.X.Rows, Cols: widest, Stride: widest, Data: make([]float32, s.X.Rows*widest)}
	for j := range d {
		signs := [widest / 64]uint64{}
		for i := range signs {
			signs[i] = rng.Uint64()
		}
		for i := range s.X.Rows {
			v := s.X.Data[i*d+j]
			if v == 0 {
				continue
			}
			row := x.Data[i*widest : (i+1)*widest]
			for k := range row {
				if signs[k/64]>>(k%64)&1 == 1 {
					row[k] += v
				} else {
					row[k] -= v
				}
			}
		}
	}
	s.X = x
	return s
}
