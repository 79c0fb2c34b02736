package searchspace

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/space"
)

// Words are what a user may say of how sure a belief is.
func Words() []string { return []string{"vague", "confident", "certain"} }

var confidences = map[string]space.Confidence{
	"vague": space.Vague, "confident": space.Confident, "certain": space.Certain,
}

// ParseSigma reads how far from its center a belief about a range expects good values: a word, a share
// of the range (10%), decades of a logarithmic range (0.5 decade), or a number in units of another.
func ParseSigma(text string, d space.Dist) (space.Confidence, error) {
	if c, ok := confidences[text]; ok {
		return c, nil
	}
	low, high, log, ok := ends(d)
	if !ok {
		return 0, fmt.Errorf("is %q, want one of %s, as choices have no distance", text, strings.Join(Words(), ", "))
	}
	want := `a number above 0, a share of the range like 10%, or one of ` + strings.Join(Words(), ", ")
	if log {
		want = `decades like "0.5 decade", a share of the range like 10%, or one of ` + strings.Join(Words(), ", ")
	}
	number, unit := text, ""
	for _, u := range []string{"%", "decades", "decade"} {
		if rest, found := strings.CutSuffix(text, u); found {
			number, unit = strings.TrimSpace(rest), u
			break
		}
	}
	x, err := strconv.ParseFloat(number, 64)
	if err != nil || !(x > 0) || math.IsInf(x, 1) || (unit != "%" && log != (unit != "")) {
		return 0, fmt.Errorf("is %q, want %s", text, want)
	}
	share := d.Unit(high) - d.Unit(low)
	switch {
	case unit == "%":
		return space.Confidence(x / 100), nil
	case share == 0:
		return 0, errors.New("is about a range of a single value, want none")
	case log:
		return space.Confidence(x * share / math.Log10(high/low)), nil
	}
	return space.Confidence(x * share / (high - low)), nil
}

// ends returns the least and the largest value of a range.
func ends(d space.Dist) (low, high float64, log, ok bool) {
	switch d := d.(type) {
	case space.Float:
		return d.Value(0), d.Value(1), d.Log, true
	case space.Int:
		return d.Value(0), d.Value(1), d.Log, true
	}
	return 0, 0, false, false
}

// cutBelief cuts near=X and sigma=S out of the options of a range.
func cutBelief(spec string) (rest, near, sigma string) {
	var kept []string
	for i, option := range strings.Split(spec, ":") {
		switch {
		case i > 0 && strings.HasPrefix(option, "near="):
			near = strings.TrimPrefix(option, "near=")
		case i > 0 && strings.HasPrefix(option, "sigma="):
			sigma = strings.TrimPrefix(option, "sigma=")
		default:
			kept = append(kept, option)
		}
	}
	return strings.Join(kept, ":"), near, sigma
}

// parseBelief reads what cutBelief found, nil for nothing.
func parseBelief(near, sigma string, d space.Dist) (*space.Belief, error) {
	if near == "" && sigma == "" {
		return nil, nil
	}
	x, err := strconv.ParseFloat(near, 64)
	if err != nil {
		return nil, fmt.Errorf("near is %q, want %v", near, d)
	}
	c := space.Confident
	if sigma != "" {
		if c, err = ParseSigma(sigma, d); err != nil {
			return nil, fmt.Errorf("sigma %w", err)
		}
	}
	if b, err := space.NewBelief(d, x, c); err == nil {
		return b, nil
	}
	return nil, fmt.Errorf("near is %s, want %v", near, d)
}

// modes returns the most likely values of the parameters with beliefs, in external form.
func (s Space) modes() map[string]any {
	values := map[string]any{}
	for _, p := range s.Params {
		if p.Belief != nil {
			values[p.Name] = p.Dist.External(p.Belief.Mode())
		}
	}
	return values
}

// Misbelieved returns the first constraint that the most likely values of the beliefs violate, or nil.
func (s Space) Misbelieved() (*Expr, error) { return s.Violated(s.modes()) }
