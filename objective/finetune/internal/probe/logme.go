package probe

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
)

// LogME returns a transferability score of features: the logarithm of the maximum evidence of a
// Bayesian linear model per example, averaged over one-against-rest models of the classes that
// occur, or of the targets of a regression. Higher is more promising; scores compare features of
// the same set only. There is no intercept unless a column is constant.
//
// K. You, Y. Liu, J. Wang, M. Long, "LogME: Practical Assessment of Pre-trained Models for Transfer
// Learning", 2021, with the fixed-point iteration of K. You, Y. Liu, Z. Zhang, J. Wang, M. Jordan,
// M. Long, "Ranking and Tuning Pre-trained Models: A New Paradigm for Exploiting Model Hubs", 2022,
// algorithm 3. As in the authors' program, 1e-5 is added to both denominators to keep a perfect fit
// finite. Unlike there, the determinant counts all dimensions if there are more of them than
// examples.
func LogME(s train.Set) (float64, error) {
	if err := check(s, false); err != nil {
		return 0, err
	}
	x := mat.NewDense(s.X.Rows, s.X.Cols, nil)
	for i := range s.X.Rows {
		for j := range s.X.Cols {
			x.Set(i, j, float64(s.X.Data[i*s.X.Stride+j]))
		}
	}
	var svd mat.SVD
	// V is not needed: only how y lies in the span of the features.
	if !svd.Factorize(x, mat.SVDThinU) {
		return 0, errors.New("the singular value decomposition of the features does not converge")
	}
	var u mat.Dense // n×k
	svd.UTo(&u)
	sigma := svd.Values(nil)
	for i, v := range sigma {
		sigma[i] = v * v
	}
	y := mat.NewVecDense(s.X.Rows, nil)
	if s.Targets != nil {
		for i, t := range s.Targets {
			y.SetVec(i, float64(t))
		}
		return evidence(&u, sigma, y), nil
	}
	var sum float64
	all := classes(s.Labels)
	for _, class := range all {
		for i, label := range s.Labels {
			y.SetVec(i, 0)
			if label == class {
				y.SetVec(i, 1)
			}
		}
		// One decomposition serves all classes.
		sum += evidence(&u, sigma, y)
	}
	return sum / float64(len(all)), nil
}

// evidence returns the maximum of ln p(y|F, α, β)/n, where α is the precision
// of the weights and β that of the noise, for features F = U·√σ·Vᵀ. U is n×k, y
// n numbers and σ the squares of the k singular values.
func evidence(u *mat.Dense, sigma []float64, y *mat.VecDense) float64 {
	const (
		epsilon    = 1e-5
		tolerance  = 1e-8
		iterations = 1000
	)
	// Directions without variance tell nothing, and would divide by 0.
	rank := len(sigma)
	for rank > 0 && sigma[rank-1] == 0 {
		rank--
	}
	sigma = sigma[:rank]
	var z mat.VecDense // Uᵀ·y
	z.MulVec(u.T(), y)
	n := float64(y.Len())
	outside := mat.Dot(y, y) // squared length of y outside the span of F
	for i := range sigma {
		outside -= z.AtVec(i) * z.AtVec(i)
	}
	// Rounding may make it negative.
	outside = math.Max(outside, 0)
	alpha, beta := 1., 1.
	var m2, res2 float64
	for range iterations {
		// Only the ratio enters the sums, so its change decides when to stop.
		t := alpha / beta
		// γ = Σ σ/(t+σ), |m|² = Σ σz²/(t+σ)², |Fm-y|² = Σ (tz/(t+σ))² + outside
		var gamma float64
		m2, res2 = 0, outside
		for i, s := range sigma {
			zi := z.AtVec(i)
			gamma += s / (t + s)
			m2 += s * zi * zi / ((t + s) * (t + s))
			r := zi * t / (t + s)
			res2 += r * r
		}
		alpha = gamma / (m2 + epsilon)
		beta = (n - gamma) / (res2 + epsilon)
		// Relative, because t spans many orders of magnitude.
		if math.Abs(alpha/beta-t) <= tolerance*t {
			break
		}
	}
	// (k·ln α + n·ln β - Σ ln(α+βσ) - β|Fm-y|² - α|m|² - n·ln 2π) / 2n: the
	// dimensions without a singular value cancel in d·ln α - ln|A|.
	e := n*math.Log(beta) - beta*res2 - alpha*m2 - n*math.Log(2*math.Pi)
	for _, s := range sigma {
		e += math.Log(alpha) - math.Log(alpha+beta*s)
	}
	return e / (2 * n)
}
