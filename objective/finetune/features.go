package finetune

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/batch"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/prefix"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/storage"
)

// start checks the task and computes its fingerprint, once.
func (t *Task) start() error {
	t.once.Do(func() { t.startError = t.begin() })
	return t.startError
}

func (t *Task) begin() error {
	t.cache = &prefix.Cache{MaxBytes: t.CacheBytes, Dir: t.CacheDir}
	net, err := t.Network(t.Defaults, rand.New(rand.NewPCG(0, 0)))
	if err != nil {
		return err
	}
	if n := len(net.Blocks); n != t.Layers {
		return fmt.Errorf("Task.Layers is %d, want the number of blocks of the network, %d", t.Layers, n)
	}
	if err := t.checkData(net); err != nil {
		return err
	}
	t.pretrained = prefix.HashBlocks(net.Blocks)
	sum := sha256.New()
	for _, h := range slices.Concat(t.pretrained, prefix.HashBlocks(nn.Sequential{net.Head})) {
		sum.Write(h[:])
	}
	for _, s := range []train.Set{t.Training, t.Validation} {
		h := prefix.HashSet(s)
		sum.Write(h[:])
	}
	fmt.Fprint(sum, t.ClassWeights, t.EvaluateAtMost, t.Budget)
	t.fingerprint = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// checkData finds errors that would end every training, so that a study fails before its first
// trial: a set that does not fit the network, or a metric that is undefined on the validation set.
func (t *Task) checkData(net *nn.Network) error {
	for _, part := range []struct {
		name     string
		set      train.Set
		optional bool
	}{{"training", t.Training, false}, {"validation", t.Validation, false}, {"test", t.Test, true}} {
		if part.optional && part.set.Len() == 0 {
			continue
		}
		var outputs int
		for first := range batch.Chunks(t.Training.Batch, 1) {
			outputs = net.Forward(first, nil).X.Cols
			break
		}
		if err := part.set.Check(outputs); err != nil {
			return fmt.Errorf("the %s set: %w", part.name, err)
		}
		if (part.set.Labels == nil) != (t.Training.Labels == nil) {
			return fmt.Errorf("the training set has labels and the %s set has targets, or the reverse: want the same in both",
				part.name)
		}
	}
	return t.checkMetric()
}

func (t *Task) checkMetric() error {
	m, regression := t.metric(), t.Training.Labels == nil
	if err := m.Check(); err != nil {
		return err
	}
	switch m {
	case train.MetricAccuracy, train.MetricF1Macro, train.MetricAUROC:
		if regression {
			return fmt.Errorf("metric is %q, which is for classes, and this is a regression", m)
		}
	case train.MetricRMSE, train.MetricR2:
		if !regression {
			return fmt.Errorf("metric is %q, which is for a regression, and this has classes", m)
		}
	}
	if !t.judges(t.Validation) {
		return fmt.Errorf("metric is %q, which needs %s in the validation set", m, t.needs())
	}
	if t.Stages.Folds == 0 {
		return nil
	}
	// Folds are stratified, so the seed does not matter.
	folds, err := t.stages(t.Defaults, 0)
	if err != nil {
		return err
	}
	both := join(train.Set{Labels: t.Training.Labels, Targets: t.Training.Targets},
		train.Set{Labels: t.Validation.Labels, Targets: t.Validation.Targets})
	for _, f := range folds {
		var part train.Set
		for _, i := range f.validation {
			if regression {
				part.Targets = append(part.Targets, both.Targets[i])
			} else {
				part.Labels = append(part.Labels, both.Labels[i])
			}
		}
		if !t.judges(part) {
			return fmt.Errorf("metric is %q, which needs %s in each of the %d folds: want fewer of them", m, t.needs(),
				len(folds))
		}
	}
	return nil
}

// judges reports whether the metric is defined for the labels or targets of s, which needs no
// features.
func (t *Task) judges(s train.Set) bool {
	n, outputs := max(len(s.Labels), len(s.Targets)), max(t.Validation.Classes(), t.Training.Classes(), 1)
	same := blas32.General{Rows: n, Cols: outputs, Stride: outputs, Data: make([]float32, n*outputs)}
	_, ok := t.metric().Of(train.Score(same, s))
	return ok
}

// needs describes what the metric requires of the data.
func (t *Task) needs() string {
	if t.Training.Labels == nil {
		return "targets that are not all equal"
	}
	return "exactly two classes, each with examples,"
}

// features returns the part of net that trains, and the data as its input. The settings freeze so
// many blocks.
func (r *run) features(ctx context.Context, net *nn.Network, frozen int) (
	back *nn.Network, training, validation, test train.Set, err error) {
	if r.Recompute {
		_, all := net.Split(0)
		return all, r.Training, r.Validation, r.Test, nil
	}
	back, sets, use, err := r.cache.Split(ctx, net, r.pretrained, r.Training, r.Validation, r.Test)
	if err != nil {
		return nil, training, validation, test, err
	}
	if use.Off != "" && frozen > 0 {
		r.notes.Store(use.Off, true)
	}
	return back, sets[0], sets[1], sets[2], nil
}

// Notes returns what a user should know about the trainings so far, as sentences: the time saved by
// computing frozen blocks once, if a second or more, why frozen blocks were recomputed in each
// epoch, and that states were too large for checkpoints.
func (t *Task) Notes() (all []string) {
	if t.start() == nil {
		st := t.cache.Stats()
		if st.Saved >= time.Second {
			all = append(all, fmt.Sprintf("Frozen-layer features: computed %d times in %v, reused %d times, which saved %v.",
				st.Misses, st.Computed.Round(100*time.Millisecond), st.Hits+st.DiskHits, st.Saved.Round(100*time.Millisecond)))
		}
		if st.DiskError != nil {
			all = append(all, fmt.Sprintf("Not all frozen-layer features could be kept on disk: %v.", st.DiskError))
		}
	}
	if t.large.Load() {
		all = append(all, fmt.Sprintf(
			"Some trials had no checkpoints, because their state is larger than %d MiB: after a kill they start over.",
			storage.MaxCheckpoint>>20))
	}
	t.notes.Range(func(note, _ any) bool {
		all = append(all, fmt.Sprintf("Frozen blocks were computed again in each epoch: %s.", note))
		return true
	})
	slices.Sort(all)
	return all
}

// ID returns a hash of the task: of the initial weights, the kind of head, the training and
// validation data and the ClassWeights. It fails where every training would.
func (t *Task) ID() (string, error) {
	err := t.start()
	return t.fingerprint, err
}
