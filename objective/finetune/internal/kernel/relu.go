package kernel

// ReLU sets y = max(x, 0), element by element; NaN stays NaN. y may be x.
func ReLU(y, x []float32) {
	same(len(y), len(x))
	relu(choice().vector, y, x)
}

// ReLUBackward sets dx = dy where the result y of ReLU is above 0, else 0. dx may be dy or y.
func ReLUBackward(dx, y, dy []float32) {
	same(len(dx), len(y), len(dy))
	reluBackward(choice().vector, dx, y, dy)
}

// reluGeneric compares as the assembly does: NaN is not below 0 and stays.
func reluGeneric(y, x []float32) {
	for i, v := range x {
		if 0 > v {
			v = 0
		}
		y[i] = v
	}
}

// reluBackwardGeneric passes nothing on at 0 exactly, as PyTorch does.
func reluBackwardGeneric(dx, y, dy []float32) {
	for i, v := range y {
		if v > 0 {
			dx[i] = dy[i]
		} else {
			dx[i] = 0
		}
	}
}
