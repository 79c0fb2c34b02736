// Package prefix computes what the frozen first blocks of a network make of a
// data set once, for every epoch of every training that freezes as many: S.
// Nakandala, A. Kumar, "Nautilus: An Optimized System for Deep Transfer
// Learning over Evolving Training Datasets", 2022, share frozen layers between
// the trials of a model selection in this way.
//
// A training on the features, with the other blocks, has the same result as one
// on the data with all blocks, bit for bit: train.Fit keeps frozen blocks in
// evaluation mode, and what a layer computes of an example does not depend on
// the others.
package prefix

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/kernel"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// A Cache keeps features for the trainings of a study, which may use it at the
// same time. The zero value keeps them in memory.
type Cache struct {
	// MaxBytes is how much memory features may take; those that were not used
	// for the longest time go first. Trainings hold on to theirs while they
	// run, which counts only as long as the cache has them, too. 0 means 1 GiB,
	// below 0: none are kept.
	MaxBytes int64

	// Dir is a folder where features are kept for other processes and later
	// studies, made if it is not there. "" means none. Files that are damaged
	// are computed again.
	Dir string

	// MaxDiskBytes is how much Dir may take; the oldest files go first. 0 means
	// 4 GiB.
	MaxDiskBytes int64

	mu      sync.Mutex
	entries map[Hash]*list.Element // of entry
	recent  list.List              // the last used first
	flights map[Hash]*flight
	stats   Stats
}

// Default sizes of a Cache.
const (
	defaultMaxBytes     = 1 << 30
	defaultMaxDiskBytes = 4 << 30
)

// Stats is what a cache has been good for.
type Stats struct {
	Hits      int           // features found in memory, or computed for another training at the same time
	DiskHits  int           // found in Dir
	Misses    int           // computed
	Evictions int           // features that went for want of memory
	Bytes     int64         // in memory now
	Computed  time.Duration // wall time of computing features
	Saved     time.Duration // wall time that computing those found had taken; what the epochs of a training save is Use.Cost, each
	DiskError error         // the last one of a file that could not be read or written, and was done without; nil: none
}

// Use is how the features of a training came about.
type Use struct {
	Depth int           // blocks that the features stand for; 0 if Off
	Off   string        // why there are none and the data are used as they are: a sentence without a full stop; "" if there are
	Cost  time.Duration // wall time of computing the features of all sets: what each further pass through the sets saves
}

// Split cuts net behind the blocks that are frozen as a whole, as
// nn.Network.FrozenBlocks counts them, and returns what is left and what the frozen
// ones make of the sets, in their order, with the same labels and targets. The
// features may be shared: nobody changes them. Empty sets stay so.
//
// Blocks are the HashBlocks of the network, which one computes once per
// checkpoint where many trainings start from it; nil: they are computed.
//
// Where no block is frozen, or a layer breaks the rule that what it computes of
// an example does not depend on the others, the cache turns itself off: all of
// the network and the sets themselves come back, and Use.Off says why. The
// error is that of ctx.
func (c *Cache) Split(ctx context.Context, net *nn.Network, blocks []Hash, sets ...train.Set) (back *nn.Network, features []train.Set, use Use, err error) {
	off := func(why string) (*nn.Network, []train.Set, Use, error) {
		_, all := net.Split(0)
		return all, sets, Use{Off: why}, nil
	}
	use.Depth = net.FrozenBlocks()
	if use.Depth == 0 {
		return off(whyNone(net))
	}
	front, back := net.Split(use.Depth)
	if len(blocks) < use.Depth {
		blocks = HashBlocks(front)
	}
	for _, s := range sets {
		if s.Len() > 0 {
			e, err := c.features(ctx, newSource(kernel.Name(), front, blocks, s.Batch))
			if errors.Is(err, errDependent) {
				return off(err.Error())
			}
			if err != nil {
				return nil, nil, Use{}, err
			}
			s.Batch = e.batch
			use.Cost += e.cost
		}
		features = append(features, s)
	}
	return back, features, use, nil
}

// Stats returns what the cache has been good for so far.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// whyNone says why no block of net is frozen.
func whyNone(net *nn.Network) string {
	if len(net.Blocks) == 0 {
		return "the network has no blocks before its head"
	}
	for i, b := range net.Blocks {
		for _, p := range b.Params() {
			switch {
			case p.Frozen:
			case p.Grad == nil:
				return fmt.Sprintf("parameter %q of block %d follows the batches", p.Name, i)
			default:
				return fmt.Sprintf("parameter %q of block %d trains", p.Name, i)
			}
		}
	}
	return "no block before one that changes examples at random has parameters"
}
