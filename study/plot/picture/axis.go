package picture

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"github.com/bluefin-hpo/bluefin/study/plot"
)

// A scale maps values to places along an axis, 0 to 1.
type scale struct {
	axis      plot.Axis
	label     string
	log       bool
	low, high float64 // their logarithms, if log
	pad       float64 // the place of low
}

// newScale covers the values of the axis, and others.
func newScale(a plot.Axis, values ...plot.Float) scale {
	s := scale{axis: a, label: name(a.Name), log: a.Log, low: math.Inf(1), high: math.Inf(-1), pad: 0.04}
	if len(a.Choices) > 0 {
		s.log, s.low, s.high = false, -0.5, float64(len(a.Choices))-0.5
		s.pad = 0
		return s
	}
	values = append([]plot.Float{a.Low, a.High}, values...)
	for _, v := range values {
		if x := float64(v); finite(x) {
			s.low, s.high = min(s.low, x), max(s.high, x)
		}
	}
	if few := 50.0; a.Int && !a.Log && s.low < s.high && s.high-s.low <= few {
		s.low, s.high, s.pad = s.low-0.5, s.high+0.5, 0 // each number has its place, also beside the axis
	}
	if s.log = s.log && s.low > 0; s.log {
		s.low, s.high = math.Log10(s.low), math.Log10(s.high)
	}
	if s.low > s.high { // no value
		s.low, s.high = 0, 1
	}
	return s
}

// valueScale is newScale for results, which may spread over orders of magnitude.
func valueScale(a plot.Axis, values ...plot.Float) scale {
	s := newScale(a, values...)
	if !a.Log && len(a.Choices) == 0 && s.low > 0 && s.high/s.low >= 1000 {
		a.Log = true
		s = newScale(a, values...)
	}
	return s
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// at returns the place of a value, NaN if it has none.
func (s scale) at(v plot.Float) float64 {
	x := float64(v)
	if s.log {
		x = math.Log10(x) // NaN or -Inf without one
	}
	if !finite(x) {
		return math.NaN()
	}
	if s.low == s.high {
		return 0.5
	}
	// Halves, because the difference of huge numbers overflows.
	t := (x/2 - s.low/2) / (s.high/2 - s.low/2)
	return s.pad + t*(1-2*s.pad)
}

// value is the inverse of at, between low and high.
func (s scale) value(place float64) float64 {
	t := (place - s.pad) / (1 - 2*s.pad)
	x := s.low*(1-t) + s.high*t
	if s.log {
		return math.Pow(10, x)
	}
	return x
}

// horizontal makes x an axis with this scale, which is so long.
func (s scale) horizontal(x *gonum.Axis, st style, length vg.Length) {
	x.Label.Text = fit(x.Label.TextStyle, s.label, length)
	most, each := len(s.axis.Choices), 0
	if letters := int(length / st.char); most > 0 {
		const least = 4 // letters that tell choices apart
		if each = letters/most - 1; each < least {
			most, each = max(1, letters/(least+1)), least
		}
	}
	x.Tick.Marker = s.ticks(max(2, int(length/(st.char*7))), most, each)
}

// vertical is horizontal for the other axis. A terminal cannot turn letters, so there the name is above
// the panel.
func (s scale) vertical(p *gonum.Plot, st style, length vg.Length) {
	switch {
	case !st.cells:
		p.Y.Label.Text = fit(p.Y.Label.TextStyle, s.label, length)
	case p.Title.Text == "":
		p.Title.Text = s.label
	}
	p.Y.Tick.Marker = s.ticks(max(2, int(length/(st.row*3))), max(1, int(length/st.row)), longest/2)
}

// ticks returns about n ticks. Of choices at most that many have labels, each with so many letters.
func (s scale) ticks(n, most, each int) gonum.ConstantTicks {
	if len(s.axis.Choices) > 0 {
		return s.choices(most, min(each, longest/2))
	}
	if s.low == s.high {
		v := s.value(0.5)
		return gonum.ConstantTicks{{Value: 0.5, Label: strconv.FormatFloat(v, 'g', 6, 64)}}
	}
	if s.log && s.high-s.low > 0.8 {
		return s.decades(n)
	}
	low, high := s.value(s.pad), s.value(1-s.pad)
	var ticks gonum.ConstantTicks
	for more := range 4 { // a single number is no scale
		ticks = nil
		values, format := round(low, high, n+more, s.axis.Int)
		for _, v := range values {
			if place := s.at(plot.Float(v)); finite(place) {
				ticks = append(ticks, gonum.Tick{Value: place, Label: format(v)})
			}
		}
		if len(ticks) > 1 {
			break
		}
	}
	return ticks
}

// decades returns ticks at powers of ten, or at 1, 2 and 5 in each if those are few.
func (s scale) decades(n int) (ticks gonum.ConstantTicks) {
	const slack = 1e-9
	multiples := []float64{1}
	switch span := s.high - s.low; {
	case span*3 <= float64(n)+1:
		multiples = []float64{1, 2, 5}
	case span < 2:
		multiples = []float64{1, 3}
	}
	every := 1 + int((s.high-s.low)/float64(n))
	for e := math.Floor(s.low); e <= s.high; e++ {
		for _, m := range multiples {
			x := e + math.Log10(m)
			if x < s.low-slack || x > s.high+slack {
				continue
			}
			t := gonum.Tick{Value: s.pad + (x-s.low)/(s.high-s.low)*(1-2*s.pad)}
			if int(e)%every == 0 {
				t.Label = number(m * math.Pow(10, e))
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// choices returns a tick for each choice, and labels for as many as fit.
func (s scale) choices(most, each int) (ticks gonum.ConstantTicks) {
	every := (len(s.axis.Choices) + most - 1) / most
	labels := shortChoices(s.axis.Choices, each)
	for i := range s.axis.Choices {
		t := gonum.Tick{Value: s.at(plot.Float(i))}
		if i%every == 0 {
			t.Label = labels[i]
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// shortChoices leaves at most n letters of each choice: its beginning, or its end if that tells them
// apart and the beginning does not.
func shortChoices(choices []string, n int) []string {
	heads, tails := make([]string, len(choices)), make([]string, len(choices))
	distinct := func(list []string) int {
		seen := map[string]bool{}
		for _, s := range list {
			seen[s] = true
		}
		return len(seen)
	}
	for i, c := range choices {
		c = cmp.Or(clean(c), `""`)
		heads[i], tails[i] = c, c
		if letters := []rune(c); len(letters) > n {
			heads[i], tails[i] = string(letters[:n-1])+"…", "…"+string(letters[len(letters)-n+1:])
		}
	}
	if distinct(tails) > distinct(heads) {
		return tails
	}
	return heads
}

// round returns about n round numbers from low to high, and how to write them.
func round(low, high float64, n int, whole bool) (values []float64, format func(float64) string) {
	rough := (high/2 - low/2) / float64(max(n, 1)) * 2
	step := math.Pow(10, math.Floor(math.Log10(rough)))
	switch { // the errors of rounding
	case rough/step > 5.0001:
		step *= 10
	case rough/step > 2.0001:
		step *= 5
	case rough/step > 1.0001:
		step *= 2
	}
	if whole {
		step = max(1, math.Round(step))
	}
	if !finite(step) || step <= 0 { // denormal or overflowing
		step = high/2 - low/2
	}
	biggest := max(math.Abs(low), math.Abs(high))
	format = func(v float64) string {
		digits := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
		if biggest >= 1e6 || step < 1e-5 {
			return strconv.FormatFloat(v, 'g', max(1, int(math.Ceil(math.Log10(biggest/step)))+1), 64)
		}
		return strconv.FormatFloat(v+0, 'f', digits, 64)
	}
	first := math.Ceil(low/step - 1e-9)
	for i := 0; i <= 2*n+2; i++ { // at most, if steps vanish beside the numbers
		v := (first + float64(i)) * step
		if v > high+step*1e-9 {
			break
		}
		values = append(values, v)
	}
	return values, format
}

// number writes a number shortly.
func number(v float64) string {
	if a := math.Abs(v); a >= 0.001 && a < 1e5 || v == 0 {
		return strconv.FormatFloat(v, 'f', -1, 32)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'g', 3, 64), "e")
	if exponent == "" {
		return mantissa
	}
	return mantissa + "e" + strings.TrimPrefix(exponent[:1], "+") + strings.TrimLeft(exponent[1:], "0")
}
