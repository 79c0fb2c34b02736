package kernel

import "math"

// LayerNorm sets y = gain·(x - mean)·rstd + bias and returns the mean of x and rstd = 1/√(variance
// of x + eps), for LayerNormBackward. J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer Normalization",
// 2016. y may be x.
func LayerNorm(y, x, gain, bias []float32, eps float32) (mean, rstd float32) {
	same(len(y), len(x), len(gain), len(bias))
	var s [2]float32
	layerNorm(choice().vector, y, x, gain, bias, eps, &s)
	return s[0], s[1]
}

// LayerNormBackward sets dx to the gradient with respect to the argument of LayerNorm, given the
// gradient dy of its result, and adds those of gain and bias to dgain and dbias. A nil dx, or nil
// dgain and dbias, skips that work. dx may be dy.
func LayerNormBackward(dx, dgain, dbias, dy, x, gain []float32, mean, rstd float32) {
	same(len(dy), len(x))
	if dgain != nil || dbias != nil {
		same(len(dy), len(dgain), len(dbias))
		layerNormParams(choice().vector, dgain, dbias, dy, x, mean, rstd)
	}
	if dx != nil {
		same(len(dy), len(dx), len(gain))
		layerNormBackward(choice().vector, dx, dy, x, gain, mean, rstd)
	}
}

// layerNormGeneric is the reference for the assembly. Two passes: a single one would lose
// digits where the mean is large.
func layerNormGeneric(y, x, gain, bias []float32, eps float32, stats *[2]float32) {
	n := float32(len(x))
	// Sixteen sums, as the assembly keeps in registers.
	var s [lanes]float32
	for i, v := range x {
		s[i%lanes] += v
	}
	mean := total(&s) / n
	s = [lanes]float32{}
	for i, v := range x {
		d := v - mean
		s[i%lanes] += float32(d * d)
	}
	rstd := 1 / float32(math.Sqrt(float64(total(&s)/n+eps)))
	for i, v := range x {
		y[i] = float32(float32((v-mean)*rstd)*gain[i]) + bias[i]
	}
	*stats = [2]float32{mean, rstd}
}

// With x̂ = (x - mean)·rstd: dgain += dy·x̂ and dbias += dy.
func layerNormParamsGeneric(dgain, dbias, dy, x []float32, mean, rstd float32) {
	for i, g := range dy {
		dgain[i] += float32(g * float32((x[i]-mean)*rstd))
		dbias[i] += g
	}
}

// dx = rstd·(g - mean of g - x̂·mean of (g·x̂)) with g = dy·gain.
func layerNormBackwardGeneric(dx, dy, x, gain []float32, mean, rstd float32) {
	n := float32(len(x))
	var s, t [lanes]float32
	for i, v := range dy {
		g := float32(v * gain[i])
		s[i%lanes] += g
		t[i%lanes] += float32(g * float32((x[i]-mean)*rstd))
	}
	mg, mgx := total(&s)/n, total(&t)/n
	for i, v := range dy {
		g := float32(v * gain[i])
		dx[i] = rstd * (g - mg - float32(float32((x[i]-mean)*rstd)*mgx))
	}
}
