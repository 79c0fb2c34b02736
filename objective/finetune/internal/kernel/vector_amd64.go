//go:build amd64 && !purego

package kernel

import "unsafe"

func softmax(kern Kernel, y, x []float32) {
	switch kern {
	case AVX512:
		softmaxAVX512(y, x)
	case AVX2:
		softmaxAVX2(y, x)
	default:
		softmaxGeneric(y, x)
	}
}

func softmaxBackward(kern Kernel, dx, y, dy []float32) {
	switch kern {
	case AVX512:
		softmaxBackwardAVX512(dx, y, dy)
	case AVX2:
		softmaxBackwardAVX2(dx, y, dy)
	default:
		softmaxBackwardGeneric(dx, y, dy)
	}
}

func layerNorm(kern Kernel, y, x, gain, bias []float32, eps float32, stats *[2]float32) {
	switch kern {
	case AVX512:
		layerNormAVX512(y, x, gain, bias, eps, stats)
	case AVX2:
		layerNormAVX2(y, x, gain, bias, eps, stats)
	default:
		layerNormGeneric(y, x, gain, bias, eps, stats)
	}
}

func layerNormParams(kern Kernel, dgain, dbias, dy, x []float32, mean, rstd float32) {
	switch kern {
	case AVX512:
		layerNormParamsAVX512(dgain, dbias, dy, x, mean, rstd)
	case AVX2:
		layerNormParamsAVX2(dgain, dbias, dy, x, mean, rstd)
	default:
		layerNormParamsGeneric(dgain, dbias, dy, x, mean, rstd)
	}
}

func layerNormBackward(kern Kernel, dx, dy, x, gain []float32, mean, rstd float32) {
	switch kern {
	case AVX512:
		layerNormBackwardAVX512(dx, dy, x, gain, mean, rstd)
	case AVX2:
		layerNormBackwardAVX2(dx, dy, x, gain, mean, rstd)
	default:
		layerNormBackwardGeneric(dx, dy, x, gain, mean, rstd)
	}
}

func gelu(kern Kernel, y, x []float32) {
	switch kern {
	case AVX512:
		geluAVX512(y, x)
	case AVX2:
		geluAVX2(y, x)
	default:
		geluGeneric(y, x)
	}
}

func geluBackward(kern Kernel, dx, x, dy []float32) {
	switch kern {
	case AVX512:
		geluBackwardAVX512(dx, x, dy)
	case AVX2:
		geluBackwardAVX2(dx, x, dy)
	default:
		geluBackwardGeneric(dx, x, dy)
	}
}

func relu(kern Kernel, y, x []float32) {
	switch kern {
	case AVX512:
		reluAVX512(y, x)
	case AVX2:
		reluAVX2(y, x)
	default:
		reluGeneric(y, x)
	}
}

func reluBackward(kern Kernel, dx, y, dy []float32) {
	switch kern {
	case AVX512:
		reluBackwardAVX512(dx, y, dy)
	case AVX2:
		reluBackwardAVX2(dx, y, dy)
	default:
		reluBackwardGeneric(dx, y, dy)
	}
}

func axpy(kern Kernel, y []float32, alpha float32, x []float32) {
	switch kern {
	case AVX512:
		axpyAVX512(y, alpha, x)
	case AVX2:
		axpyAVX2(y, alpha, x)
	default:
		axpyGeneric(y, alpha, x)
	}
}

func scale(kern Kernel, y []float32, alpha float32) {
	switch kern {
	case AVX512:
		scaleAVX512(y, alpha)
	case AVX2:
		scaleAVX2(y, alpha)
	default:
		scaleGeneric(y, alpha)
	}
}

func sumSquares(kern Kernel, x []float32) float64 {
	switch kern {
	case AVX512:
		return sumSquaresAVX512(x)
	case AVX2:
		return sumSquaresAVX2(x)
	}
	return sumSquaresGeneric(x)
}

func adamW(kern Kernel, value, m, v, grad []float32, step *AdamWStep) {
	fields := (*[9]float32)(unsafe.Pointer(step))
	switch kern {
	case AVX512:
		adamWAVX512(value, m, v, grad, fields)
	case AVX2:
		adamWAVX2(value, m, v, grad, fields)
	default:
		adamWGeneric(value, m, v, grad, step)
	}
}
