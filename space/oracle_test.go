package space_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/internal/oracle"
	"github.com/bluefin-hpo/bluefin/space"
)

func unmarshal(t *testing.T, text []byte) space.Dist {
	t.Helper()
	d, err := space.Unmarshal(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDistributionsAreTheReferences(t *testing.T) {
	var v struct {
		Distributions []struct {
			Dist     json.RawMessage
			High     *float64 `json:"high_after_adjust"`
			Single   bool
			Contains [][2]any // value, whether it is contained
			JSON     string
		}
	}
	oracle.Load(t, "distributions.json", &v)
	for _, c := range v.Distributions {
		d := unmarshal(t, c.Dist)
		t.Run(fmt.Sprint(d), func(t *testing.T) {
			if err := d.Check(); err != nil {
				t.Fatal(err)
			}
			if got := text(t, d); got != c.JSON {
				t.Errorf("text is %s, want %s", got, c.JSON)
			}
			if back := unmarshal(t, []byte(c.JSON)); !space.Equal(back, d) {
				t.Errorf("%s is read as %v", c.JSON, back)
			}
			if got := d.Len() == 1; got != c.Single {
				t.Errorf("has a single value: %v, want %v", got, c.Single)
			}
			if c.High != nil && d.Value(1) != *c.High {
				t.Errorf("highest value is %v, want %v", d.Value(1), *c.High)
			}
			for _, p := range c.Contains {
				if got := d.Contains(p[0].(float64)); got != p[1].(bool) {
					t.Errorf("contains %v: %v, want %v", p[0], got, p[1])
				}
			}
		})
	}
}

func TestCheckRefusesWhatTheReferenceRefuses(t *testing.T) {
	var v struct {
		Constructor []struct {
			Kind string
			Args struct {
				Low, High float64
				Step      *float64
				Log       bool
			}
			Error *string
			High  *float64
		}
	}
	oracle.Load(t, "distributions.json", &v)
	for _, c := range v.Constructor {
		a, step := c.Args, 0.0
		if a.Step != nil {
			step = *a.Step
		}
		var d space.Dist = space.Float{Low: a.Low, High: a.High, Step: step, Log: a.Log}
		if c.Kind == "Int" {
			d = space.Int{Low: int(a.Low), High: int(a.High), Step: int(step), Log: a.Log}
		}
		err := d.Check()
		if a.Step != nil && step == 0 {
			// A step of 0 is an error in Optuna and the default here.
			if err != nil {
				t.Errorf("%#v: %v, want no error", d, err)
			}
			continue
		}
		if got := errors.Is(err, space.ErrInvalid); got != (c.Error != nil) {
			t.Errorf("%#v: error is %v, the reference's %v", d, err, c.Error)
		}
		if c.High != nil && d.Value(1) != *c.High {
			t.Errorf("%#v: highest value is %v, want %v", d, d.Value(1), *c.High)
		}
	}
}

// Unit and Value match the reference's transform to [0, 1] of logarithms and steps. It uses one-hot
// vectors for choices, which have no counterpart here.
func TestUnitAndValueAreTheReferencesTransform(t *testing.T) {
	var v struct {
		Transform []struct {
			Dist        json.RawMessage
			Log         bool              `json:"transform_log"`
			Step        bool              `json:"transform_step"`
			Unit        bool              `json:"transform_0_1"`
			Untransform [][2]oracleNumber // [z], value
			Transform   [][2]oracleNumber // value, [z]
		}
	}
	oracle.Load(t, "distributions.json", &v)
	cases := 0
	for _, c := range v.Transform {
		d := unmarshal(t, c.Dist)
		if _, ok := d.(space.Categorical); ok || !c.Log || !c.Step || !c.Unit {
			continue
		}
		cases++
		for _, p := range c.Untransform {
			z, want := p[0].x, p[1].x
			got := d.Value(z)
			// On the border of two cells the reference rounds to even.
			lo, hi := d.Cell(want)
			border := d.Len() > 1 && math.Min(math.Abs(z-lo), math.Abs(z-hi)) < 1e-9
			if oracle.Near(got, want, 1e-10) != nil && !border {
				t.Errorf("%v: Value(%v) is %v, want %v", d, z, got, want)
			}
		}
		for _, p := range c.Transform {
			x, want := p[0].x, p[1].x
			if err := oracle.Near(d.Unit(x), want, 1e-10); err != nil {
				t.Errorf("%v: Unit(%v): %v", d, x, err)
			}
		}
	}
	if cases < 8 {
		t.Errorf("only %d cases apply", cases)
	}
}

// An oracleNumber is a number or a list of one. Choices are ignored.
type oracleNumber struct{ x float64 }

func (n *oracleNumber) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &n.x) == nil {
		return nil
	}
	var list []float64
	if json.Unmarshal(text, &list) == nil && len(list) == 1 {
		n.x = list[0]
	}
	return nil
}
