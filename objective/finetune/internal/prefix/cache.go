// Package prefix computes the outputs of the frozen first blocks of a network once, for all epochs
// of all trainings that freeze as many. S. Nakandala, A. Kumar, "Nautilus: An Optimized System for
// Deep Transfer Learning over Evolving Training Datasets", 2022, share frozen layers between trials
// in the same way.
//
// Training the other blocks on these features gives the same result as training all blocks on the
// data, bit for bit: train.Fit keeps frozen blocks in evaluation mode, and a layer's output for one
// example does not depend on the others.
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

// A Cache keeps features for concurrent trainings of a study. The zero value keeps them in memory.
type Cache struct {
	// MaxBytes limits the memory for features; the least recently used go first. Running trainings
	// hold on to theirs, which count only while the cache has them too. 0 means 1 GiB, below 0:
	// none.
	MaxBytes int64

	// Dir is a folder that keeps features for other processes and later studies, created if
	// missing. "": none. Damaged files are computed again.
	Dir string

	// MaxDiskBytes limits the size of Dir; the oldest files go first. 0 means 4 GiB.
	MaxDiskBytes int64

	// mu guards the fields below.
	mu      sync.Mutex
	entries map[Hash]*list.Element // of entry
	recent  list.List              // the most recently used first
	// being computed or read now, so that concurrent trainings do not repeat the work
	flights map[Hash]*flight
	stats   Stats
}

// Default sizes of a Cache.
const (
	defaultMaxBytes     = 1 << 30
	defaultMaxDiskBytes = 4 << 30
)

// Stats describes the use of a cache.
type Stats struct {
	Hits      int           // found in memory, or being computed for another training
	DiskHits  int           // found in Dir
	Misses    int           // computed
	Evictions int           // dropped for lack of memory
	Bytes     int64         // in memory now
	Computed  time.Duration // wall time of computing features
	Saved     time.Duration // wall time of computing those that were found
	DiskError error         // of the last file that could not be read or written; nil: none
}

// Use describes the features of a training.
type Use struct {
	Depth int           // number of blocks computed; 0 if Off
	Off   string        // why there are no features, a sentence without a full stop; "" if there are
	Cost  time.Duration // wall time of computing the features, which each further pass saves
}

// Split cuts net after its nn.Network.FrozenBlocks. It returns the rest, and the features of the
// sets, in order and with their labels and targets. Features may be shared: do not modify them.
// Empty sets stay empty.
//
// Blocks are the HashBlocks of the network, computed once per checkpoint if many trainings start
// from it; nil: Split computes them.
//
// If no block is frozen, or a layer's output for one example depends on the others, Split returns
// the whole network and the sets themselves, and Use.Off says why. The error is that of ctx.
func (c *Cache) Split(ctx context.Context, net *nn.Network, blocks []Hash, sets ...train.Set) (
	back *nn.Network, features []train.Set, use Use, err error) {
	// Split(0) gives the whole network as the part that trains.
	off := func(why string) (*nn.Network, []train.Set, Use, error) {
		_, all := net.Split(0)
		return all, sets, Use{Off: why}, nil
	}
	use.Depth = net.FrozenBlocks()
	if use.Depth == 0 {
		return off(whyNone(net))
	}
	front, back := net.Split(use.Depth)
	// The caller's hashes may cover more blocks than are frozen in this trial, never other
	// ones.
	if len(blocks) < use.Depth {
		blocks = HashBlocks(front)
	}
	for _, s := range sets {
		// A study may have no test set.
		if s.Len() > 0 {
			e, err := c.features(ctx, newSource(kernel.Name(), front, blocks, s.Batch))
			if errors.Is(err, errDependent) {
				return off(err.Error())
			}
			if err != nil {
				return nil, nil, Use{}, err
			}
			s.Batch = e.batch
			// The cost of the features from the data on, whoever computed them: what one more
			// epoch would take.
			use.Cost += e.cost
		}
		features = append(features, s)
	}
	return back, features, use, nil
}

// Stats returns the statistics so far.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stats
}

// whyNone explains why no block of net is frozen.
func whyNone(net *nn.Network) string {
	if len(net.Blocks) == 0 {
		return "the network has no blocks before its head"
	}
	for i, b := range net.Blocks {
		for _, p := range b.Params() {
			// The first parameter in the way is enough for a user to see which layer to freeze.
			switch {
			case p.Frozen:
			// Statistics of a batch norm have no gradient, and still change with each batch.
			case p.Grad == nil:
				return fmt.Sprintf("parameter %q of block %d follows the batches", p.Name, i)
			default:
				return fmt.Sprintf("parameter %q of block %d trains", p.Name, i)
			}
		}
	}
	// Dropout in a frozen block does not count: frozen blocks run in evaluation mode.
	return "no block before one that changes examples at random has parameters"
}
