//go:build !amd64 || purego

package kernel

func softmax(_ Kernel, y, x []float32)              { softmaxGeneric(y, x) }
func softmaxBackward(_ Kernel, dx, y, dy []float32) { softmaxBackwardGeneric(dx, y, dy) }
func layerNorm(_ Kernel, y, x, gain, bias []float32, eps float32, stats *[2]float32) {
	layerNormGeneric(y, x, gain, bias, eps, stats)
}
func layerNormParams(_ Kernel, dgain, dbias, dy, x []float32, mean, rstd float32) {
	layerNormParamsGeneric(dgain, dbias, dy, x, mean, rstd)
}
func layerNormBackward(_ Kernel, dx, dy, x, gain []float32, mean, rstd float32) {
	layerNormBackwardGeneric(dx, dy, x, gain, mean, rstd)
}
func gelu(_ Kernel, y, x []float32)                          { geluGeneric(y, x) }
func geluBackward(_ Kernel, dx, x, dy []float32)             { geluBackwardGeneric(dx, x, dy) }
func relu(_ Kernel, y, x []float32)                          { reluGeneric(y, x) }
func reluBackward(_ Kernel, dx, y, dy []float32)             { reluBackwardGeneric(dx, y, dy) }
func axpy(_ Kernel, y []float32, alpha float32, x []float32) { axpyGeneric(y, alpha, x) }
func scale(_ Kernel, y []float32, alpha float32)             { scaleGeneric(y, alpha) }
func sumSquares(_ Kernel, x []float32) float64               { return sumSquaresGeneric(x) }
func adamW(_ Kernel, value, m, v, grad []float32, step *AdamWStep) {
	adamWGeneric(value, m, v, grad, step)
}
