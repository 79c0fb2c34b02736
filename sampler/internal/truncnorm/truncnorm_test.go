package truncnorm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
)

// A point is one case of the oracle file; the lists use different fields.
type point struct {
	X, Y, A, B, Q, Loc, Scale oracle.Float
	Exact                     *oracle.Float // computed with 60 digits; null where that failed
}

func (p point) floats() (x, y, a, b float64) {
	return float64(p.X), float64(p.Y), float64(p.A), float64(p.B)
}

func load(t *testing.T) (v struct {
	LogNdtr      []point `json:"log_ndtr"`
	NormLogpdf   []point `json:"norm_logpdf"`
	LogGaussMass []point `json:"log_gauss_mass"`
	NdtriExp     []point `json:"ndtri_exp"`
	PPF          []point `json:"ppf"`
	LogPDF       []point `json:"logpdf"`
}) {
	oracle.Load(t, "truncnorm.json", &v)
	return v
}

// check compares with the 60-digit value if there is one.
func check(t *testing.T, p point, got, tail float64) {
	t.Helper()
	want, tol := float64(p.Y), tail
	if p.Exact != nil {
		want, tol = float64(*p.Exact), 1e-12
	}
	if err := oracle.Near(got, want, tol); err != nil {
		t.Errorf("%+v: %v", p, err)
	}
}

func TestLogCDFIsExactToTheTails(t *testing.T) {
	for _, p := range load(t).LogNdtr {
		check(t, p, LogCDF(float64(p.X)), 1e-9)
	}
}

func TestLogPhi(t *testing.T) {
	for _, p := range load(t).NormLogpdf {
		check(t, p, LogPhi(float64(p.X)), 1e-12)
	}
}

func TestLogMassIsExactForWideNarrowAndFarIntervals(t *testing.T) {
	for _, p := range load(t).LogGaussMass {
		_, _, a, b := p.floats()
		check(t, p, LogMass(a, b), 1e-6)
		check(t, p, LogMass(-b, -a), 1e-6)
	}
}

func TestInvLogCDF(t *testing.T) {
	for _, p := range load(t).NdtriExp {
		check(t, p, InvLogCDF(float64(p.X)), 1e-9)
	}
}

func TestQuantile(t *testing.T) {
	for _, p := range load(t).PPF {
		x, _, a, b := p.floats()
		got := Quantile(float64(p.Q), a, b)
		if err := oracle.Near(got, x, 1e-9); err != nil {
			t.Errorf("q=%v in [%v, %v]: %v", p.Q, a, b, err)
		}
		if !(a <= got && got <= b) {
			t.Errorf("q=%v in [%v, %v]: %v is outside", p.Q, a, b, got)
		}
	}
}

func TestLogPDF(t *testing.T) {
	for _, p := range load(t).LogPDF {
		x, y, a, b := p.floats()
		scale := float64(p.Scale)
		got := LogPDF((x-float64(p.Loc))/scale, a, b) - math.Log(scale)
		if err := oracle.Near(got, y, 1e-9); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestTheEndsOfTheDomains(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"LogCDF(-Inf)", LogCDF(-inf), -inf},
		{"LogCDF(+Inf)", LogCDF(inf), 0},
		{"LogMass of everything", LogMass(-inf, inf), 0},
		{"LogMass of nothing", LogMass(1, 1), -inf},
		{"LogMass of a reversed interval", LogMass(1, 0), -inf},
		{"InvLogCDF(0)", InvLogCDF(0), inf},
		{"InvLogCDF(-Inf)", InvLogCDF(-inf), -inf},
		{"InvLogCDF above 0", InvLogCDF(0.1), math.NaN()},
		{"Quantile(0)", Quantile(0, -inf, 3), -inf},
		{"Quantile(1)", Quantile(1, -2, inf), inf},
	} {
		if c.got != c.want && !(math.IsNaN(c.got) && math.IsNaN(c.want)) {
			t.Errorf("%s is %v, want %v", c.name, c.got, c.want)
		}
	}
}

// The mass of an interval is the sum of the masses of its parts, whichever of
// the formulas each of them takes.
func TestLogMassAddsUp(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		m, w := r.NormFloat64()*math.Exp(3*r.NormFloat64()), math.Exp(3*r.NormFloat64())
		a, b := m-w/2, m+w/2
		c := a + (b-a)*r.Float64()
		if err := oracle.Near(logAdd(LogMass(a, c), LogMass(c, b)), LogMass(a, b), 1e-11); err != nil {
			t.Fatalf("[%v, %v] cut at %v: %v", a, b, c, err)
		}
	}
}

func TestInvLogCDFInvertsLogCDF(t *testing.T) {
	for x := -300.0; x < 8; x += 0.0625 {
		y := LogCDF(x)
		// ln Φ loses the digits of x above 0, where it is flat; there compare y.
		if got := InvLogCDF(y); x < 0 && oracle.Near(got, x, 1e-12) != nil || oracle.Near(LogCDF(got), y, 1e-12) != nil {
			t.Errorf("InvLogCDF(LogCDF(%v)) is %v", x, got)
		}
	}
}

// The mass below the q-quantile is q of the whole.
func TestQuantileInvertsTheTruncatedCDF(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		a := 4 * r.NormFloat64()
		b := a + math.Exp(2*r.NormFloat64())
		q := r.Float64()
		x := Quantile(q, a, b)
		got := math.Exp(LogMass(a, x) - LogMass(a, b))
		// A unit in the last place of x moves the CDF by φ(x)·ulp / mass.
		slack := 1e-9 + math.Exp(LogPDF(x, a, b))*1e-14*math.Max(1, math.Abs(x))
		if math.Abs(got-q) > slack {
			t.Fatalf("quantile %v of [%v, %v] is %v, with %v below", q, a, b, x, got)
		}
	}
}

func FuzzQuantileStaysWithin(f *testing.F) {
	f.Add(0.5, -1.0, 1.0)
	f.Add(1e-300, 30.0, 31.0)
	f.Add(0.9999999999999999, -1e300, 1e300)
	f.Fuzz(func(t *testing.T, q, a, b float64) {
		if !(a < b) || !(q >= 0 && q <= 1) {
			t.Skip()
		}
		if x := Quantile(q, a, b); !(a <= x && x <= b) {
			t.Errorf("Quantile(%v, %v, %v) is %v", q, a, b, x)
		}
	})
}
