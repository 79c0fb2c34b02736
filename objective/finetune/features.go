package finetune

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math/rand/v2"
	"reflect"
	"slices"

	"github.com/bluefin-hpo/bluefin/objective/nn"
	"github.com/bluefin-hpo/bluefin/objective/prefix"
	"github.com/bluefin-hpo/bluefin/objective/train"
)

// start finds out, once, what tells the task from every other: the weights to
// start from and the examples to learn and to choose by.
func (t *Task) start() error {
	t.once.Do(func() {
		net, err := t.Network(t.Defaults, rand.New(rand.NewPCG(0, 0)))
		if err != nil {
			t.startError = err
			return
		}
		if n := len(net.Blocks); n != t.Layers {
			t.startError = fmt.Errorf("finetune: Layers is %d, want the number of blocks of the network, %d", t.Layers, n)
			return
		}
		t.pretrained = prefix.HashBlocks(net.Blocks)
		sum := sha256.New()
		for _, h := range t.pretrained {
			sum.Write(h[:])
		}
		for _, s := range []train.Set{t.Training, t.Validation} {
			if err := hashSet(sum, s); err != nil {
				t.startError = fmt.Errorf("finetune: %w", err)
				return
			}
		}
		t.fingerprint = hex.EncodeToString(sum.Sum(nil))
	})
	return t.startError
}

func hashSet(sum hash.Hash, s train.Set) error {
	fmt.Fprintf(sum, "%d×%d", s.X.Rows, s.X.Cols)
	for _, a := range []any{s.X.Data, s.IDs, wide(s.Lens), wide(s.Labels), s.Targets} {
		fmt.Fprintf(sum, "%d:", reflect.ValueOf(a).Len())
		if err := binary.Write(sum, binary.LittleEndian, a); err != nil {
			return err
		}
	}
	return nil
}

// wide returns numbers in a type whose size is the same everywhere.
func wide(list []int) []int64 {
	all := make([]int64, len(list))
	for i, x := range list {
		all[i] = int64(x)
	}
	return all
}

// features returns the part of net that trains, and the parts of the data as
// they are in front of it.
func (r *run) features(ctx context.Context, net *nn.Network) (back *nn.Network, training, validation, test train.Set, err error) {
	cache := r.Features
	if cache == nil {
		cache = &prefix.Cache{MaxBytes: -1}
	}
	back, sets, use, err := cache.Split(ctx, net, r.pretrained, r.Training, r.Validation, r.Test)
	if err != nil {
		return nil, training, validation, test, err
	}
	if use.Off != "" && train.FrozenBlocks(net) > 0 {
		r.notes.Store(use.Off, true)
	}
	return back, sets[0], sets[1], sets[2], nil
}

// Notes says what a user should know about the trainings so far: why frozen
// blocks were computed again and again, for instance. It is empty if all is
// well.
func (t *Task) Notes() (all []string) {
	t.notes.Range(func(note, _ any) bool {
		all = append(all, note.(string))
		return true
	})
	slices.Sort(all)
	return all
}

// ID returns a text that is another for every other task: for other weights to
// start from and other examples to learn and to choose by.
func (t *Task) ID() (string, error) {
	err := t.start()
	return t.fingerprint, err
}
