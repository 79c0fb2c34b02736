package main

import (
	"math"
	"math/rand/v2"

	"github.com/bluefin-hpo/bluefin/space"
)

// loraSpace is what people tune when they fine-tune an encoder of twelve layers.
var loraSpace = space.Space{
	{Name: "batch_size", Dist: space.Int{Low: 4, High: 128, Log: true}},
	{Name: "dropout", Dist: space.Float{Low: 0, High: 0.5}},
	{Name: "frozen_layers", Dist: space.Int{Low: 0, High: 12}},
	{Name: "learning_rate", Dist: space.Float{Low: 1e-6, High: 1e-3, Log: true}},
	{Name: "lora_r", Dist: space.Int{Low: 2, High: 256, Log: true}},
	{Name: "max_length", Dist: space.Int{Low: 64, High: 1024, Log: true}},
	{Name: "num_train_epochs", Dist: space.Int{Low: 1, High: 10}},
	{Name: "warmup_ratio", Dist: space.Float{Low: 0, High: 0.3}},
	{Name: "weight_decay", Dist: space.Float{Low: 1e-4, High: 1, Log: true}},
}

// A loraTask imitates such a fine-tuning on a card of Limit GiB, in which the settings that need the
// most memory are also good: long texts, a high rank and few frozen layers.
type loraTask struct {
	Limit float64
	Shift uint64 // of the optimum, so that every seed has a task of its own
}

// memory returns the GiB that a training needs: the weights in half precision, the optimizer's
// state, and the activations of the layers that train, with those of attention.
func (loraTask) memory(v map[string]float64) float64 {
	const width, heads, layers = 768, 12, 12
	batch, length, rank, trained := v["batch_size"], v["max_length"], v["lora_r"], layers-v["frozen_layers"]
	weights := 2*86e6 + trained*rank*width*2*4*16
	activations := batch * length * width * (trained*34*2 + 8)
	attention := batch * heads * length * length * trained * 5
	return (weights + activations + attention) / (1 << 30)
}

// runs reports whether a training fits.
func (t loraTask) runs(v map[string]float64) bool { return t.memory(v) <= t.Limit }

// seconds returns how long a training takes, as in practice from the tokens and what is trained.
func (t loraTask) seconds(v map[string]float64) float64 {
	tokens := 8000 * v["max_length"] * v["num_train_epochs"]
	return 20 + tokens*(1+2*(12-v["frozen_layers"])/12)*(1+8/v["batch_size"])/4e5
}

// loss returns the validation loss.
func (t loraTask) loss(v map[string]float64) float64 {
	r := rand.New(rand.NewPCG(t.Shift, 7))
	shift := func(width float64) float64 { return width * (2*r.Float64() - 1) }
	square := func(x float64) float64 { return x * x }
	rate := math.Log10(v["learning_rate"])
	best := -4.2 + shift(0.5) + 0.3*math.Log10(v["batch_size"]/16) + 0.1*math.Log2(v["num_train_epochs"]/4)
	loss := 0.3 + 0.12*square(rate-best)
	if rate > best+1 { // close to divergence
		loss += 0.5 * square(rate-best-1)
	}
	loss += (0.02 + shift(0.01)) * math.Pow(2, -2*math.Log2(v["max_length"]/256)/2)
	loss += 0.012 * square(math.Log2(v["lora_r"])-5-shift(1))
	loss += 0.03 * square((v["frozen_layers"]-3-shift(3))/6)
	loss += 0.008 * square(math.Log2(v["batch_size"])-4.5-shift(1))
	loss += 0.05*math.Exp(-v["num_train_epochs"]/(2+shift(0.5))) + 0.0015*v["num_train_epochs"]
	loss += 0.15 * square(v["dropout"]-0.15-shift(0.1))
	loss += 0.1 * square(v["warmup_ratio"]-0.1-shift(0.05))
	loss += 0.005 * square(math.Log10(v["weight_decay"])+1.5+shift(0.5))
	return loss
}

// minimum returns the least loss that fits, by random search that narrows around its best point.
func (t loraTask) minimum() float64 {
	r := rand.New(rand.NewPCG(t.Shift, 8))
	least, at := math.Inf(1), map[string]float64{}
	for i := range 60_000 {
		width := math.Exp2(-float64(i) / 4000)
		v := map[string]float64{}
		for _, d := range loraSpace {
			u := r.Float64()
			if i >= 4000 && r.IntN(3) > 0 {
				u = d.Dist.Unit(at[d.Name])
				if r.IntN(2) == 0 {
					u = min(max(u+width*r.NormFloat64(), 0), 1)
				}
			}
			v[d.Name] = d.Dist.Value(u)
		}
		if loss := t.loss(v); loss < least && t.runs(v) {
			least, at = loss, v
		}
	}
	return least
}
