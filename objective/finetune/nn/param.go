package nn

// A Param is an array of numbers that training changes along its gradient. A few have no gradient
// (see BatchNorm).
type Param struct {
	Name   string // as in a checkpoint: "hidden.0.weight"
	Shape  []int  // the last index runs fastest
	Value  []float32
	Grad   []float32 // as long as Value: Backward adds to it; nil: no gradient
	Decay  bool      // weight decay acts on it: true for weights, false for biases and norms
	Frozen bool      // training leaves it unchanged, and Backward skips its gradient
	Rate   float64   // factor of the learning rate; 0 means 1
}

// newParam returns zeros of that shape, with room for a gradient.
func newParam(name string, decay bool, shape ...int) *Param {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return &Param{Name: name, Shape: shape, Value: make([]float32, n), Grad: make([]float32, n), Decay: decay}
}

// Trains reports whether an optimizer changes p: it has a gradient and is not
// frozen.
func (p *Param) Trains() bool { return !p.Frozen && p.Grad != nil }

// trains reports whether a parameter of l trains.
func trains(l Layer) bool {
	// Layers of layers answer without making a list of all parameters, in every pass.
	if c, ok := l.(interface{ Trains() bool }); ok {
		return c.Trains()
	}
	for _, p := range l.Params() {
		if p.Trains() {
			return true
		}
	}
	return false
}
