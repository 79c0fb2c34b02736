package space

import (
	"math"
	"strconv"
	"strings"
)

// A grid is low + k·step for k = 0 … n-1, in decimal where the shortest
// decimals of low and step allow it.
type grid struct {
	low, step float64
	n         int64

	// The same numbers as integers times 10^exp, if exact.
	exact     bool
	lowI, stI int64
	exp       int
}

func newGrid(low, high, step float64) grid {
	g := grid{low: low, step: step}
	lm, le := decimal(low)
	hm, he := decimal(high)
	sm, se := decimal(step)
	g.exp = min(le, he, se)
	var ok [3]bool
	var highI int64
	g.lowI, ok[0] = shift(lm, le-g.exp)
	highI, ok[1] = shift(hm, he-g.exp)
	g.stI, ok[2] = shift(sm, se-g.exp)
	// Integers up to 2^53 and powers of ten up to 10^22 are exact floats, so
	// their quotient is the float nearest to the decimal.
	g.exact = ok[0] && ok[1] && ok[2] && g.exp >= -22 && g.exp <= 0
	if g.exact {
		g.n = (highI-g.lowI)/g.stI + 1
	} else {
		g.n = int64(math.Floor((high-low)/step+1e-8)) + 1
	}
	return g
}

// at returns the k-th value.
func (g grid) at(k int64) float64 {
	if g.exact {
		return float64(g.lowI+k*g.stI) / math.Pow10(-g.exp)
	}
	return math.FMA(float64(k), g.step, g.low)
}

// index returns the k whose value is nearest to x, at least 0.
func (g grid) index(x float64) int64 {
	return int64(math.Max(math.Round((x-g.low)/g.step), 0))
}

// decimal returns the shortest m·10^e that reads back as x. It needs at most
// 17 digits, which an int64 holds.
func decimal(x float64) (m int64, e int) {
	digits, exp, _ := strings.Cut(strconv.FormatFloat(x, 'e', -1, 64), "e")
	whole, frac, _ := strings.Cut(digits, ".")
	m, _ = strconv.ParseInt(whole+frac, 10, 64)
	e, _ = strconv.Atoi(exp)
	return m, e - len(frac)
}

// shift returns m·10^by and whether it is within ±2^53. Then so are all the
// values between low and high.
func shift(m int64, by int) (int64, bool) {
	for ; by > 0 && m != 0; by-- {
		if m > maxExact/10 || m < -maxExact/10 {
			return 0, false
		}
		m *= 10
	}
	return m, m <= maxExact && m >= -maxExact
}
