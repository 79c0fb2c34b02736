package gp

import "math"

// A Transform maps values to those that a process models: they are standardized, bent until
// their distribution looks as normal as possible, and standardized again. Objectives often
// differ by orders of magnitude near the optimum; the process then sees them on about a
// logarithmic scale. The bend is that of Yeo and Johnson, "A New Family of Power
// Transformations to Improve Normality or Symmetry" (Biometrika 87, 2000), as in HEBO
// (Cowen-Rivers et al., JAIR 74, 2022).
type Transform struct {
	inner, outer Scale
	lambda       float64 // 1: no bend
}

// TransformOf returns the transform of the largest likelihood on a grid.
func TransformOf(values []float64) Transform {
	inner := ScaleOf(values)
	y := inner.Apply(values)
	best := Transform{inner, ScaleOf(y), 1}
	likelihood := func(t Transform) float64 {
		sum := 0.0 // the logarithm of the derivative
		for _, v := range y {
			sum += math.Copysign(math.Log1p(math.Abs(v)), v)
		}
		return (t.lambda-1)*sum - float64(len(y))*math.Log(t.outer.Unit)
	}
	most := likelihood(best)
	bent := make([]float64, len(y))
	for lambda := -1.0; lambda <= 6; lambda += 0.25 {
		for i, v := range y {
			bent[i] = bend(v, lambda)
		}
		t := Transform{inner, ScaleOf(bent), lambda}
		if l := likelihood(t); l > most {
			best, most = t, l
		}
	}
	return best
}

// Apply returns the transformed values; Scale.Apply says what becomes of infinite ones and NaN.
func (t Transform) Apply(values []float64) []float64 {
	y := t.inner.Apply(values)
	for i, v := range y {
		y[i] = bend(v, t.lambda)
	}
	return t.outer.Apply(y)
}

// Invert returns the value that Apply maps to y, or the nearest one.
func (t Transform) Invert(y float64) float64 {
	return t.inner.Shift + t.inner.Unit*straighten(t.outer.Shift+t.outer.Unit*y, t.lambda)
}

// bend is increasing, with bend(0) = 0 and slope 1 there.
func bend(y, lambda float64) float64 {
	if y < 0 {
		return -power(1-y, 2-lambda)
	}
	return power(1+y, lambda)
}

// power is the transformation of Box and Cox.
func power(x, lambda float64) float64 {
	if lambda == 0 {
		return math.Log(x)
	}
	return (math.Pow(x, lambda) - 1) / lambda
}

// straighten is the inverse of bend.
func straighten(z, lambda float64) float64 {
	if z < 0 {
		return 1 - unpower(-z, 2-lambda)
	}
	return unpower(z, lambda) - 1
}

func unpower(z, lambda float64) float64 {
	if lambda == 0 {
		return min(math.Exp(z), farthest)
	}
	// A negative lambda never reaches -1/lambda.
	return min(math.Pow(max(1+lambda*z, math.SmallestNonzeroFloat64), 1/lambda), farthest)
}
