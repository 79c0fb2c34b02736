package prefix

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
)

func TestTheOldestFeaturesMakeRoom(t *testing.T) {
	task := tasks["multilayer perceptron"]
	const size = 4 * 100 * 9 // bytes of the features of 100 examples
	c := Cache{MaxBytes: 2 * size}
	for i, step := range []struct {
		data        uint64
		hits, evict int
	}{{1, 0, 0}, {2, 0, 0}, {1, 1, 0}, {3, 1, 1}, {1, 2, 1}, {2, 2, 2}, {3, 2, 3}, {1, 2, 4}} {
		if _, _, _, err := c.Split(t.Context(), task.frozen(1), nil, task.data(100, step.data)); err != nil {
			t.Fatal(err)
		}
		s := c.Stats()
		if s.Hits != step.hits || s.Evictions != step.evict || s.Bytes > c.MaxBytes || s.Bytes != int64(min(s.Misses, 2))*size {
			t.Errorf("step %d: stats are %+v, want %d hits, %d evictions", i, s, step.hits, step.evict)
		}
	}
	for _, limit := range []int64{-1, size - 1} {
		c := Cache{MaxBytes: limit}
		for range 2 {
			if _, sets, _, err := c.Split(t.Context(), task.frozen(1), nil, task.data(100, 1)); err != nil || sets[0].X.Cols != 9 {
				t.Fatal(err)
			}
		}
		if s := c.Stats(); s.Bytes != 0 || s.Misses != 2 || s.Evictions != 0 {
			t.Errorf("limit %d: stats are %+v, want nothing kept", limit, s)
		}
	}
}

// gate is a block that waits.
type gate struct {
	nn.Layer
	entered, open chan struct{}
}

func (g *gate) Layers() []nn.Layer { return []nn.Layer{g.Layer} }
func (g *gate) Forward(b nn.Batch, rng *rand.Rand) nn.Batch {
	if b.Len() > 1 {
		g.entered <- struct{}{}
		<-g.open
	}
	return g.Layer.Forward(b, rng)
}

func TestTrainingsAtTheSameTimeComputeOnce(t *testing.T) {
	task := tasks["multilayer perceptron"]
	data := task.data(50, 1)
	for name, fails := range map[string]bool{"the first succeeds": false, "the first is cancelled": true} {
		var c Cache
		entered, open := make(chan struct{}), make(chan struct{})
		split := func(ctx context.Context) (blas32.General, error) {
			net := task.frozen(1)
			net.Blocks[0] = &gate{net.Blocks[0], entered, open}
			_, sets, _, err := c.Split(ctx, net, nil, data, data.Select(ascending(49)))
			if err != nil {
				return blas32.General{}, err
			}
			return sets[1].X, nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error)
		go func() {
			_, err := split(ctx)
			first <- err
		}()
		<-entered // the first computes the first set
		const others = 5
		var wg sync.WaitGroup
		results := make([]blas32.General, others)
		for i := range others {
			wg.Go(func() {
				var err error
				if results[i], err = split(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		if fails {
			cancel()
		}
		close(open)
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-entered:
				case <-stop:
					return
				}
			}
		}()
		err := <-first
		wg.Wait()
		close(stop)
		cancel()
		if fails != (err != nil) {
			t.Errorf("%s: its error is %v", name, err)
		}
		for _, r := range results {
			sameBits(t, name, r.Data, results[0].Data)
		}
		if s := c.Stats(); s.Misses > 3 || s.Misses < 2 || !fails && (s.Misses != 2 || s.Hits != 2*others || s.Saved != others*s.Computed) {
			t.Errorf("%s: stats are %+v, want each set computed once", name, s)
		}
	}
}

func TestSplitEndsWithItsContext(t *testing.T) {
	task := tasks["multilayer perceptron"]
	ctx, cancel := context.WithCancelCause(t.Context())
	mine := fmt.Errorf("mine")
	cancel(mine)
	var c Cache
	if _, _, _, err := c.Split(ctx, task.frozen(1), nil, task.data(5, 1)); err != mine {
		t.Errorf("error is %v, want %v", err, mine)
	}
	splitSet(t, &c, "multilayer perceptron", 1, task.data(5, 1))
	if _, _, _, err := c.Split(ctx, task.frozen(1), nil, task.data(5, 1)); err != mine {
		t.Errorf("error is %v where the features are there, want %v", err, mine)
	}
}
