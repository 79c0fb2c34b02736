package space_test

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
)

// checkForms checks that the three forms of a value agree, at u.
func checkForms(t *testing.T, d space.Dist, u float64) {
	t.Helper()
	x := d.Value(u)
	if !d.Contains(x) {
		t.Fatalf("%#v: Value(%v) is %v, which it does not contain", d, u, x)
	}
	v := d.Unit(x)
	if !(v >= 0 && v <= 1) {
		t.Fatalf("%#v: Unit(%v) is %v, want within [0, 1]", d, x, v)
	}
	lo, hi := d.Cell(x)
	if !(0 <= lo && lo <= v && v <= hi && hi <= 1) {
		t.Fatalf("%#v: the cell of %v is [%v, %v], want within [0, 1] and around Unit, %v", d, x, lo, hi, v)
	}
	back := d.Value(v)
	if d.Len() > 0 {
		if back != x {
			t.Fatalf("%#v: Value(Unit(%v)) is %v", d, x, back)
		}
	} else if f := d.(space.Float); math.Abs(back-x) > slack(f, x) {
		t.Fatalf("%#v: Value(Unit(%v)) is %v", d, x, back)
	}
	if internal, err := d.Internal(d.External(x)); err != nil || internal != x {
		t.Fatalf("%#v: Internal(External(%v)) is %v, %v", d, x, internal, err)
	}
}

// slack is the rounding error allowed in x on the way to the unit interval and back.
func slack(f space.Float, x float64) float64 {
	const ulps = 8 * 0x1p-52
	if f.Log { // a relative error of the size of the error in ln x
		return ulps * x * math.Max(1, math.Max(math.Abs(math.Log(f.Low)), math.Abs(math.Log(f.High))))
	}
	return ulps*math.Max(math.Abs(f.Low), math.Abs(f.High)) + 5e-324
}

// checkTiles checks that the cells of a grid tile the unit interval in order,
// and that Value maps each cell to its value.
func checkTiles(t *testing.T, d space.Dist, values []float64) {
	t.Helper()
	end := 0.0
	for _, x := range values {
		lo, hi := d.Cell(x)
		if math.Abs(lo-end) > 1e-15 || !(lo < hi) {
			t.Fatalf("%#v: the cell of %v is [%v, %v], want it to begin where the last one ends, at %v", d, x, lo, hi, end)
		}
		for _, u := range []float64{lo + (hi-lo)*1e-6, (lo + hi) / 2, hi - (hi-lo)*1e-6} {
			if got := d.Value(u); got != x {
				t.Fatalf("%#v: Value(%v) is %v, want %v, in whose cell [%v, %v] it lies", d, u, got, x, lo, hi)
			}
		}
		end = hi
	}
	if math.Abs(end-1) > 1e-15 {
		t.Fatalf("%#v: the last cell ends at %v, want 1", d, end)
	}
}

func ends(r *rand.Rand) []float64 {
	return []float64{0, 1, 0.5, 5e-324, math.Nextafter(1, 0), r.Float64(), r.Float64(), r.Float64()}
}

func TestFormsOfFloats(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		scale := math.Exp(40 * r.NormFloat64())
		d := space.Float{Low: scale * r.NormFloat64()}
		d.High = d.Low + scale*math.Exp(4*r.NormFloat64())
		if r.IntN(2) == 0 {
			d = space.Float{Low: scale, High: scale * math.Exp(math.Abs(10*r.NormFloat64())), Log: true}
		}
		if d.Check() != nil {
			continue
		}
		for _, u := range ends(r) {
			checkForms(t, d, u)
		}
		if d.Value(0) != d.Low || d.Value(1) != d.High {
			t.Fatalf("%#v: ends are %v and %v", d, d.Value(0), d.Value(1))
		}
	}
}

func TestFormsOfInts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		d := space.Int{Low: r.IntN(2000) - 1000, Step: r.IntN(5)}
		d.High = d.Low + r.IntN(300)
		if r.IntN(2) == 0 {
			d = space.Int{Low: 1 + r.IntN(50), Log: true}
			d.High = d.Low + r.IntN(300)
		}
		for _, u := range ends(r) {
			checkForms(t, d, u)
		}
		var values []float64
		for x := d.Low; x <= d.High; x += max(d.Step, 1) {
			values = append(values, float64(x))
		}
		if d.Len() != len(values) {
			t.Fatalf("%#v: Len is %d, want %d", d, d.Len(), len(values))
		}
		checkTiles(t, d, values)
	}
}

func TestFormsOfIntsAtTheLimits(t *testing.T) {
	const limit = 1 << 53
	r := rand.New(rand.NewPCG(5, 6))
	for _, d := range []space.Int{
		{Low: -limit, High: limit},
		{Low: limit - 1, High: limit},
		{Low: -limit, High: -limit},
		{Low: 1, High: limit, Log: true},
		{Low: limit - 2, High: limit, Log: true},
		{Low: -limit, High: limit, Step: 3},
	} {
		if err := d.Check(); err != nil {
			t.Fatal(err)
		}
		for _, u := range ends(r) {
			if x := d.Value(u); !d.Contains(x) {
				t.Errorf("%#v: Value(%v) is %v, which it does not contain", d, u, x)
			}
		}
		if d.Value(0) != float64(d.Low) {
			t.Errorf("%#v: Value(0) is %v", d, d.Value(0))
		}
	}
}

// Grid values are those of decimal arithmetic.
func TestGridsAreDecimal(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 5_000 {
		places := r.IntN(8)
		unit := new(big.Rat).SetFrac64(1, int64(math.Pow10(places)))
		low, step, n := int64(r.IntN(20001)-10000), int64(1+r.IntN(500)), 1+r.IntN(40)
		number := func(m int64) float64 { // m·10^-places, as written in decimal
			text := new(big.Rat).Mul(new(big.Rat).SetInt64(m), unit).FloatString(places)
			x, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		offGrid := int64(0)
		if step > 1 {
			offGrid = int64(r.IntN(int(step)))
		}
		d := space.Float{Low: number(low), High: number(low + int64(n-1)*step + offGrid), Step: number(step)}
		var values []float64
		for k := range n {
			values = append(values, number(low+int64(k)*step))
		}
		if d.Len() != n {
			t.Fatalf("%#v has %d values, want %d", d, d.Len(), n)
		}
		if n > 1 {
			checkTiles(t, d, values)
		}
		for _, u := range ends(r) {
			checkForms(t, d, u)
		}
	}
}

func TestGridsThatAreNotDecimal(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 5_000 {
		d := space.Float{Low: r.NormFloat64() * math.Exp(5*r.NormFloat64()), Step: math.Exp(5 * r.NormFloat64())}
		d.High = d.Low + d.Step*float64(r.IntN(30)) + d.Step*r.Float64()*0.99
		if d.Check() != nil {
			continue
		}
		for _, u := range ends(r) {
			checkForms(t, d, u)
		}
		if d.Value(0) != d.Low {
			t.Fatalf("%#v: Value(0) is %v", d, d.Value(0))
		}
	}
}

func TestFormsOfChoices(t *testing.T) {
	d := space.Categorical{Choices: []any{nil, true, 1, 1.0, "1"}}
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	checkTiles(t, d, []float64{0, 1, 2, 3, 4})
	r := rand.New(rand.NewPCG(11, 12))
	for _, u := range ends(r) {
		checkForms(t, d, u)
	}
	for _, x := range []float64{-1, 5, 0.5, math.NaN(), math.Inf(1)} {
		if d.Contains(x) {
			t.Errorf("contains index %v", x)
		}
	}
}

func TestTextOfDistributionsReadsBack(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for range 5_000 {
		x := r.NormFloat64() * math.Exp(20*r.NormFloat64())
		y := math.Abs(x) * math.Exp(3*math.Abs(r.NormFloat64()))
		for _, d := range []space.Dist{
			space.Float{Low: x, High: y},
			space.Float{Low: math.Abs(x), High: y, Log: true},
			space.Float{Low: x, High: y, Step: (y - x) / 7},
			space.Int{Low: r.IntN(1000), High: 1000 + r.IntN(1000), Step: 1 + r.IntN(9)},
			space.Int{Low: 1 + r.IntN(1000), High: 1001 + r.IntN(1000), Step: 1, Log: true},
			space.Categorical{Choices: []any{x, int(x / y * 9), "é\"\\\n\x01𝛼", nil, true}},
		} {
			if d.Check() != nil {
				continue
			}
			want := text(t, d)
			back := unmarshal(t, []byte(want))
			if !space.Equal(back, d) || text(t, back) != want {
				t.Fatalf("%#v is written as %s, read as %#v and written as %s", d, want, back, text(t, back))
			}
		}
	}
}

func TestCheckNamesFieldValueAndBound(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		d    space.Dist
		want []string // words of the message; none: no error
	}{
		{space.Float{}, nil},
		{space.Float{Low: 1, High: 1, Log: true}, nil},
		{space.Float{Low: 0, High: 1, Step: 2}, nil},
		{space.Float{Low: nan, High: 1}, []string{"low", "NaN", "finite"}},
		{space.Float{Low: -inf, High: 1}, []string{"low", "-Inf", "finite"}},
		{space.Float{Low: 0, High: inf}, []string{"high", "+Inf", "finite"}},
		{space.Float{Low: 2, High: 1}, []string{"low", "2", "high", "1"}},
		{space.Float{Low: 0, High: 1, Step: -0.5}, []string{"step", "-0.5"}},
		{space.Float{Low: 0, High: 1, Step: nan}, []string{"step", "NaN"}},
		{space.Float{Low: 0, High: 1, Log: true}, []string{"low", "0", "above 0"}},
		{space.Float{Low: 1, High: 2, Step: 0.5, Log: true}, []string{"step", "0.5", "logarithmic"}},
		{space.Float{Low: 0, High: 1, Step: 1e-300}, []string{"step", "1e-300", "2^53"}},
		{space.Int{}, nil},
		{space.Int{Low: 1, High: 1, Log: true}, nil},
		{space.Int{Low: 2, High: 1}, []string{"low", "2", "high", "1"}},
		{space.Int{Low: 0, High: 9, Step: -1}, []string{"step", "-1"}},
		{space.Int{Low: 0, High: 9, Log: true}, []string{"low", "0", "at least 1"}},
		{space.Int{Low: 1, High: 9, Step: 2, Log: true}, []string{"step", "2", "logarithmic"}},
		{space.Int{Low: -1<<53 - 1, High: 9}, []string{"low", "2^53"}},
		{space.Int{Low: 0, High: 1<<53 + 1}, []string{"high", "2^53"}},
		{space.Choose("a").Dist(), nil},
		{space.Categorical{}, []string{"choices", "empty"}},
		{space.Categorical{Choices: []any{"a", "b", "a"}}, []string{"choice 2", `"a"`}},
		{space.Categorical{Choices: []any{nan, nan}}, []string{"choice 1", "NaN"}},
		{space.Categorical{Choices: []any{1, int64(2)}}, []string{"choice 1", "int64"}},
	} {
		err := c.d.Check()
		if len(c.want) == 0 {
			if err != nil {
				t.Errorf("%#v: %v, want no error", c.d, err)
			}
			continue
		}
		if !errors.Is(err, space.ErrInvalid) {
			t.Errorf("%#v: error is %v, want one that matches ErrInvalid", c.d, err)
			continue
		}
		for _, word := range c.want {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%#v: error is %q, want it to say %q", c.d, err, word)
			}
		}
	}
}

func FuzzFloat(f *testing.F) {
	f.Add(0.0, 1.0, 0.1, false, 0.5)
	f.Add(1e-300, 1e300, 0.0, true, 1.0)
	f.Add(-1e308, 1e308, 0.0, false, 0.0)
	f.Add(0.1, 0.75, 0.2, false, 1.0)
	f.Add(5e-324, 1e-323, 0.0, true, 0.3)
	f.Fuzz(func(t *testing.T, low, high, step float64, log bool, u float64) {
		d := space.Float{Low: low, High: high, Step: step, Log: log}
		if d.Check() != nil || !(u >= 0 && u <= 1) {
			t.Skip()
		}
		x := d.Value(u)
		if !d.Contains(x) {
			t.Errorf("%#v: Value(%v) is %v, which it does not contain", d, u, x)
		}
		if v := d.Unit(x); !(v >= 0 && v <= 1) {
			t.Errorf("%#v: Unit(%v) is %v", d, x, v)
		}
		if back := unmarshal(t, []byte(text(t, d))); !space.Equal(back, d) {
			t.Errorf("%#v is read back as %#v", d, back)
		}
	})
}

func FuzzInt(f *testing.F) {
	f.Add(0, 10, 1, false, 0.5)
	f.Add(1, 1<<53, 1, true, 1.0)
	f.Add(-1<<53, 1<<53, 7, false, 0.0)
	f.Fuzz(func(t *testing.T, low, high, step int, log bool, u float64) {
		d := space.Int{Low: low, High: high, Step: step, Log: log}
		if d.Check() != nil || !(u >= 0 && u <= 1) {
			t.Skip()
		}
		x := d.Value(u)
		if !d.Contains(x) {
			t.Errorf("%#v: Value(%v) is %v, which it does not contain", d, u, x)
		}
		if v := d.Unit(x); !(v >= 0 && v <= 1) {
			t.Errorf("%#v: Unit(%v) is %v", d, x, v)
		}
		if back := unmarshal(t, []byte(text(t, d))); !space.Equal(back, d) {
			t.Errorf("%#v is read back as %#v", d, back)
		}
	})
}

// text returns Marshal's output and fails if there is none.
func text(t testing.TB, d space.Dist) string {
	t.Helper()
	text, err := space.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Many choices are compared differently from few, with the same result.
func TestARepeatedChoiceIsFoundAmongFewAndMany(t *testing.T) {
	for _, n := range []int{3, 16, 17, 200} {
		for name, last := range map[string]any{"a number": 1, "a float": 0.5, "NaN": math.NaN(), "a text": "1", "nil": nil, "a bool": true} {
			choices := []any{1, 0.5, math.NaN(), "1", nil, true}
			for i := len(choices); i < n; i++ {
				choices = append(choices, i+1)
			}
			if err := (space.Categorical{Choices: choices}).Check(); err != nil {
				t.Fatalf("%d choices: %v", len(choices), err)
			}
			if err := (space.Categorical{Choices: append(choices, last)}).Check(); err == nil {
				t.Errorf("%s again, behind %d choices: no error", name, len(choices))
			}
		}
	}
}

// However narrow the range and however large its numbers, each has its own place in the middle of
// its own cell.
func TestNeighboursInALogRangeStayApart(t *testing.T) {
	for _, d := range []space.Int{
		{Low: 1 << 48, High: 1<<48 + 4, Log: true},
		{Low: 1<<53 - 100, High: 1 << 53, Log: true},
		{Low: 1<<40 - 3, High: 1<<40 + 3, Log: true},
		{Low: 1, High: 40, Log: true},
	} {
		before, edge := -1.0, 0.0
		for n := d.Low; n <= d.High; n++ {
			x := float64(n)
			u := d.Unit(x)
			lo, hi := d.Cell(x)
			if !(u > before && lo < u && u < hi) || lo != edge {
				t.Errorf("%v: %d is at %v in [%v, %v], want above %v, from %v on", d, n, u, lo, hi, before, edge)
			}
			for _, v := range []float64{u, lo + 0.01*(hi-lo), lo + 0.99*(hi-lo)} {
				if got := d.Value(v); got != x {
					t.Errorf("%v: the value at %v is %v, want %d", d, v, got, n)
				}
			}
			before, edge = u, hi
		}
		if edge != 1 {
			t.Errorf("%v: the last cell ends at %v, want 1", d, edge)
		}
	}
}

func TestValueClamps(t *testing.T) {
	for _, d := range []space.Dist{
		space.Float{Low: -2, High: 3}, space.Float{Low: 1e-6, High: 1e2, Log: true}, space.Float{Low: 0.1, High: 0.75, Step: 0.2},
		space.Int{Low: -3, High: 9}, space.Int{Low: 1, High: 1000, Log: true}, space.Int{Low: -1 << 53, High: 1 << 53},
		space.Choose("a", "b", "c").Dist(),
	} {
		for _, u := range []float64{math.NaN(), math.Inf(-1), -1e300, -1, -1e-300} {
			if got, want := d.Value(u), d.Value(0); got != want {
				t.Errorf("%#v: Value(%v) is %v, want the lowest value, %v", d, u, got, want)
			}
		}
		for _, u := range []float64{1.5, 1e300, math.Inf(1)} {
			if got, want := d.Value(u), d.Value(1); got != want {
				t.Errorf("%#v: Value(%v) is %v, want the highest value, %v", d, u, got, want)
			}
		}
	}
}
