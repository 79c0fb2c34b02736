package functions

import (
	"math"

	"github.com/bluefin-hpo/bluefin/space"
)

// synthFinetune imitates the loss of fine-tuning a language model: the method (full, LoRA or prompt
// tuning) determines which parameters exist and the best learning rate; batch size, warm-up and
// regularization shift it. The formula was made up for this benchmark. Its minimum was found by
// four runs of differential evolution that agree to 1e-14.
func synthFinetune() Problem {
	return Problem{Name: "synth_finetune", Group: "mixed", Minimum: 0.3032520521567067, Value: func(ask Ask) float64 {
		return askTuning(ask).loss()
	}}
}

// The choices of synthFinetune, by index.
const (
	full = iota
	lora
	prompt
)

// A tuning is a point of synthFinetune's space.
type tuning struct {
	method      int
	rate        float64 // log10 of the learning rate
	batch       float64
	epochs      float64
	warmup      float64
	decay       float64 // log10 of the weight decay, from 0 at its lower to 1 at its upper end
	dropout     float64
	schedule    int
	freeze      float64 // full: how many of 24 layers
	llrd        float64 // full: decay of the learning rate by layer
	rank, alpha float64 // lora
	targets     int     // lora
	length      float64 // prompt: a share of 100
}

// askTuning asks for the parameters that the method has.
func askTuning(ask Ask) tuning {
	t := tuning{
		method:   int(ask("method", categories("full", "lora", "prompt"))),
		rate:     math.Log10(ask("lr", space.Float{Low: 1e-6, High: 1e-1, Log: true})),
		batch:    math.Pow(2, ask("log2_batch", space.Int{Low: 2, High: 8})),
		epochs:   ask("epochs", space.Int{Low: 1, High: 10}),
		warmup:   ask("warmup", space.Float{Low: 0, High: 0.3}),
		decay:    math.Log10(ask("weight_decay", space.Float{Low: 1e-5, High: 1, Log: true})/1e-5) / 5,
		dropout:  ask("dropout", space.Float{Low: 0, High: 0.5, Step: 0.05}),
		schedule: int(ask("schedule", categories("constant", "linear", "cosine", "inverse_sqrt"))),
	}
	switch t.method {
	case full:
		t.freeze = ask("freeze", space.Int{Low: 0, High: 24, Step: 2})
		t.llrd = ask("llrd", space.Float{Low: 0.7, High: 1})
	case lora:
		t.rank = ask("rank", space.Int{Low: 1, High: 128, Log: true})
		t.alpha = ask("alpha", space.Float{Low: 1, High: 256, Log: true})
		t.targets = int(ask("targets", categories("qv", "qkvo", "all")))
	case prompt:
		t.length = ask("prompt_len", space.Int{Low: 1, High: 100}) / 100
	}
	return t
}

// structure returns the best log10 learning rate, the capacity in [0, 1], and the cost of the
// method itself.
func (t tuning) structure() (rate, capacity, cost float64) {
	switch t.method {
	case full:
		rate = -4.6 + 0.012*t.freeze + 2*(1-t.llrd)
		capacity = 1 - 0.02*t.freeze
		cost = 0.2*square(t.freeze/24-0.25) + 4*square(t.llrd-0.9)
	case lora:
		scale, r := t.alpha/t.rank, math.Log2(t.rank)/7
		rate = -3.4 - 0.6*math.Log10(scale/2)
		capacity = 0.45 + 0.35*r + [3]float64{0, 0.08, 0.16}[t.targets]
		cost = 0.05 + 0.18*square(r-0.6) + [3]float64{0.05, 0.015, 0}[t.targets] + 0.01*square(math.Log2(scale/2))/4
	case prompt:
		rate = -1.9
		capacity = 0.25 + 0.1*t.length
		cost = 0.22 + 0.3*square(t.length-0.4)
	}
	return rate + 0.5*math.Log10(t.batch/32), capacity, cost
}

// loss is the value of the problem.
func (t tuning) loss() float64 {
	best, capacity, cost := t.structure()
	off := t.rate - best

	// A low rate trains too little, especially with few updates; a high one diverges, but warm-up
	// gives some headroom.
	updates := math.Log2(t.epochs*64/t.batch + 1)
	under := math.Max(0, -off) * (1.4 - 0.12*updates)
	over := math.Max(0, off-0.25-1.5*t.warmup)
	cost += 0.9*(1-math.Exp(-0.5*under*under)) + 1.6*(1-math.Exp(-1.2*over*over))

	// More capacity and more epochs need more regularization.
	cost += 0.9 * square(0.5*t.decay+t.dropout-0.12-0.09*capacity*math.Pow(t.epochs, 0.7))
	cost += 0.04 * square(math.Log2(t.epochs)-2-0.5*(1-capacity))

	cost += [4]float64{0.06, 0.005, 0, 0.03}[t.schedule] * (1 + math.Max(0, off))
	warmup := 0.03
	if t.method == full {
		warmup = 0.06
	}
	cost += 1.2 * square(t.warmup-warmup)
	// Small local minima, as noise would make.
	ripples := 0.01*(1-math.Cos(6*off)) + 0.004*(1-math.Cos(40*t.warmup))
	return 0.3 + cost + ripples
}

// square returns x².
func square(x float64) float64 { return x * x }
