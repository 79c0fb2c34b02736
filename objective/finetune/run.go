package finetune

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// A run is a running trial.
type run struct {
	*Task
	settings    Settings
	seed        uint64
	report      func(step int, m train.Metrics) error
	learned     func(history []train.Metrics) error // called before report with the epochs of this stage; may be nil
	checkpoints Checkpoints
	stages      []stage
	of          origin
	saved       time.Time     // when the state was last saved, or the run started
	cost        time.Duration // of saving

	done    []Result        // of the stages so far
	history []train.Metrics // of the epochs of this stage
	from    *train.State    // state to resume this stage from; nil: start
}

// all runs the remaining stages.
func (r *run) all(ctx context.Context) (net *nn.Network, result Result, err error) {
	for i := len(r.done); i < len(r.stages); i++ {
		var one Result
		if net, one, err = r.stage(ctx, r.stages[i]); err != nil {
			return nil, Result{}, err
		}
		r.done, r.history = append(r.done, one), nil
		result = r.result()
		if len(r.stages) > 1 {
			if err := r.report(r.stages[i].step, result.Best); err != nil {
				return nil, Result{}, err
			}
			if err := r.between(i); err != nil {
				return nil, Result{}, err
			}
		}
	}
	return net, result, nil
}

// result combines the stages so far: the mean over folds, else the last stage. EpochsRun is the
// total.
func (r *run) result() Result {
	last := r.done[len(r.done)-1]
	last.EpochsRun = 0
	for _, d := range r.done {
		last.EpochsRun += d.EpochsRun
	}
	if r.Stages.Folds > 0 {
		var training, validation, test []train.Scores
		for _, d := range r.done {
			training, validation, test = append(training, d.Best.Train), append(validation, d.Best.Validation),
				append(test, d.Test)
		}
		last.Best.Train, last.Best.Validation, last.Test = mean(training), mean(validation), mean(test)
	}
	return last
}

// mean returns the mean of each score; 0 for one that some folds do not have.
func mean(of []train.Scores) (m train.Scores) {
	m.HasAUROC, m.HasR2 = true, true
	for _, s := range of {
		m.Loss += s.Loss
		m.Accuracy += s.Accuracy
		m.F1Macro += s.F1Macro
		m.AUROC += s.AUROC
		m.RMSE += s.RMSE
		m.R2 += s.R2
		m.HasAUROC = m.HasAUROC && s.HasAUROC
		m.HasR2 = m.HasR2 && s.HasR2
	}
	n := float64(len(of))
	m.Loss /= n
	m.Accuracy /= n
	m.F1Macro /= n
	m.AUROC /= n
	m.RMSE /= n
	m.R2 /= n
	if !m.HasAUROC {
		m.AUROC = 0
	}
	if !m.HasR2 {
		m.R2 = 0
	}
	return m
}

// stage runs one training.
func (r *run) stage(ctx context.Context, st stage) (*nn.Network, Result, error) {
	net, err := r.network(st.frozen)
	if err != nil {
		return nil, Result{}, err
	}
	back, training, validation, test, err := r.features(ctx, net, st.frozen)
	if err != nil {
		return nil, Result{}, err
	}
	if st.training != nil {
		if st.validation != nil {
			all := join(training, validation)
			training, validation = all.Select(st.training), all.Select(st.validation)
		} else {
			training = training.Select(st.training)
		}
	}
	from := r.from
	r.from = nil // Fit copies it: free the memory
	settings := r.settings
	settings.FrozenLayers = st.frozen
	c := r.config(settings, r.seed)
	fit, err := train.Fit(ctx, back, training, validation, c, from,
		func(m train.Metrics, state train.State) error {
			r.history = append(r.history, m)
			if r.learned != nil {
				if err := r.learned(r.history); err != nil {
					return err
				}
			}
			if len(r.stages) == 1 {
				if err := r.report(m.Epoch, m); err != nil {
					return err
				}
			}
			return r.save(state, state.Epoch >= c.Epochs || state.Stale >= c.Patience)
		})
	if err != nil {
		return nil, Result{}, err
	}
	result := Result{Best: fit.Best, EpochsRun: fit.EpochsRun, History: slices.Clone(r.history)}
	if r.Test.Len() > 0 {
		result.Test = train.Evaluate(back, test)
	}
	for _, d := range denses(net) {
		d.MergeLoRA()
	}
	return net, result, nil
}

// between saves the results so far if the trial pauses after a stage that is not its last.
func (r *run) between(stage int) error {
	if r.checkpoints.Save == nil || r.checkpoints.Due == nil || !r.checkpoints.Due() || stage == len(r.stages)-1 {
		return nil
	}
	data, err := r.of.encode(progress{Done: r.done})
	if err != nil {
		return err
	}
	return r.checkpoints.Save(r.stages[stage].step, data)
}

// save saves the state if it is time to. over says that the training of this stage has ended.
func (r *run) save(state train.State, over bool) error {
	due := r.checkpoints.Due != nil && r.checkpoints.Due()
	if r.checkpoints.Save == nil || due && over || !due &&
		time.Since(r.saved) < cmp.Or(r.CheckpointEvery, max(defaultCheckpointEvery, 10*r.cost)) {
		return nil
	}
	most := cmp.Or(r.checkpoints.MaxBytes, math.MaxInt)
	if bytesOf(&state) > most { // do not waste memory on encoding it
		r.large.Store(true)
		return nil
	}
	began := time.Now()
	data, err := r.of.encode(progress{Done: r.done, History: r.history, State: state})
	if err != nil {
		return err
	}
	if len(data) > most {
		r.large.Store(true)
		return nil
	}
	step := state.Epoch
	if len(r.stages) > 1 {
		step = 0 // the last reported one
		if n := len(r.done); n > 0 {
			step = r.stages[n-1].step
		}
	}
	err = r.checkpoints.Save(step, data)
	r.saved = time.Now()
	r.cost = r.saved.Sub(began)
	return err
}

// resume restores the state from a checkpoint.
func (r *run) resume(checkpoint []byte) error {
	p, err := r.of.decode(checkpoint)
	if err != nil {
		return err
	}
	if len(p.Done) >= len(r.stages) {
		return badCheckpoint("%d of %d stages are over", len(p.Done), len(r.stages))
	}
	r.done, r.history, r.from = p.Done, p.History, &p.State
	if p.State.Epoch == 0 && len(p.Done) > 0 { // it was saved between two stages
		r.from = nil
	}
	r.checkpoints.From = nil
	return nil
}

// network returns the network at the start of a stage: pretrained, with the given number of frozen
// blocks and the tuning of the settings.
func (r *run) network(frozen int) (*nn.Network, error) {
	s := r.settings
	s.FrozenLayers = frozen
	net, err := r.Network(s, rand.New(rand.NewPCG(r.seed, 0)))
	if err != nil {
		return nil, err
	}
	return net, s.Freeze(net, rand.New(rand.NewPCG(r.seed, streamLoRA)))
}

// join returns the examples of a followed by those of b.
func join(a, b train.Set) train.Set {
	a.X.Rows += b.X.Rows
	a.X.Data = slices.Concat(a.X.Data, b.X.Data)
	a.IDs = slices.Concat(a.IDs, b.IDs)
	a.Lens = slices.Concat(a.Lens, b.Lens)
	a.Labels = slices.Concat(a.Labels, b.Labels)
	a.Targets = slices.Concat(a.Targets, b.Targets)
	return a
}
