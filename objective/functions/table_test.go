package functions

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
)

const smallMeta = `{
	"key": ["method", "lr", "rank", "act"], "objective": "v2", "curve": ["v1", "v2"],
	"levels": {"lr": ["0.1", "0.01"], "rank": ["4", "8"], "act": ["r", "t"]},
	"inactive": {"rank": 0},
	"space": [
		{"name": "method", "type": "cat", "choices": ["full", "lora"]},
		{"name": "lr_i", "type": "int", "low": 0, "high": 1, "log": false, "step": 1},
		{"name": "rank_i", "type": "int", "low": 0, "high": 1, "step": 1, "if": {"method": ["lora"]}},
		{"name": "act_c", "type": "cat", "choices": ["relu", "tanh"]}
	]}`

const smallRows = `id,method,lr,rank,act,v1,v2
1,full,0.1,0,r,9,1
2,full,0.1,0,t,9,2
3,full,0.01,0,r,9,3
4,full,0.01,0,t,9,4
5,lora,0.1,4,r,9,5
6,lora,0.1,4,t,9,6
7,lora,0.1,8,r,9,7
8,lora,0.1,8,t,9,8
9,lora,0.01,4,r,9,0.5
10,lora,0.01,4,t,9,10
11,lora,0.01,8,r,9,11
12,lora,0.01,8,t,8,12
`

func smallTable(rows, meta string) (Problem, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(rows))
	w.Close()
	return Table("small", &b, strings.NewReader(meta))
}

func TestTableAnswersFromItsRows(t *testing.T) {
	p, err := smallTable(smallRows, smallMeta)
	if err != nil {
		t.Fatal(err)
	}
	if p.Minimum != 0.5 || p.Name != "small" || p.Group != "table" {
		t.Errorf("table %q of %q has the minimum %v, want small, table and 0.5", p.Name, p.Group, p.Minimum)
	}
	for _, c := range []struct {
		params map[string]float64
		curve  []float64
	}{
		{map[string]float64{"method": 0, "lr_i": 1, "act_c": 1}, []float64{9, 4}},
		{map[string]float64{"method": 1, "lr_i": 1, "rank_i": 1, "act_c": 1}, []float64{8, 12}},
		{map[string]float64{"method": 1, "lr_i": 0, "rank_i": 0, "act_c": 0}, []float64{9, 5}},
	} {
		asked := 0
		ask := func(name string, _ space.Dist) float64 { asked++; return c.params[name] }
		if y := p.Value(ask); y != c.curve[1] || asked != len(c.params) {
			t.Errorf("at %v it is %v after %d questions, want %v after %d", c.params, y, asked, c.curve[1], len(c.params))
		}
		if curve := p.Curve(ask); !slices.Equal(curve, c.curve) {
			t.Errorf("at %v the curve is %v, want %v", c.params, curve, c.curve)
		}
	}
}

func TestTableWithoutCurvesHasNone(t *testing.T) {
	p, err := smallTable(smallRows, strings.Replace(smallMeta, `"curve": ["v1", "v2"],`, "", 1))
	if err != nil || p.Curve != nil {
		t.Errorf("err %v, has curves: %v", err, p.Curve != nil)
	}
}

func TestTableRefuses(t *testing.T) {
	for _, c := range []struct{ name, rows, meta, want string }{
		{"a missing row", strings.Replace(smallRows, "7,lora,0.1,8,r,9,7\n", "", 1), smallMeta, "no row for method lora, lr 0.1, rank 8, act r"},
		{"a row outside the space", smallRows + "13,lora,1,8,t,9,1\n", smallMeta, "13 rows for 12 points"},
		{"a row twice", smallRows + "13,lora,0.1,8,t,9,1\n", smallMeta, "two rows for method lora, lr 0.1, rank 8, act t"},
		{"text for a number", strings.Replace(smallRows, "9,7\n", "9,x\n", 1), smallMeta, `line 8, column v2 is "x"`},
		{"a curve that ends elsewhere", smallRows, strings.Replace(smallMeta, `["v1", "v2"]`, `["v2", "v1"]`, 1),
			"line 2: the curve ends at v1 = 9, want the objective v2 = 1"},
		{"NaN", strings.Replace(smallRows, "9,7\n", "9,nan\n", 1), smallMeta, `column v2 is "nan"`},
		{"a missing column", strings.Replace(smallRows, "v2", "w2", 1), smallMeta, `no column is called "v2"`},
		{"no key", smallRows, `{"space": [], "objective": "v2"}`, "want space, key and objective"},
		{"an unknown type", smallRows, strings.Replace(smallMeta, `"cat"`, `"set"`, 1), `type is "set"`},
		{"a continuum", smallRows, strings.Replace(smallMeta, `"type": "int", "low": 0, "high": 1, "log": false, "step": 1`, `"type": "float", "low": 0, "high": 1`, 1), "a continuum"},
		{"a condition on nothing", smallRows, strings.Replace(smallMeta, `"if": {"method"`, `"if": {"way"`, 1), `no parameter "way"`},
		{"a condition that cannot hold", smallRows, strings.Replace(smallMeta, `["lora"]}`, `["qlora"]}`, 1), `"qlora"`},
		{"too few levels", smallRows, strings.Replace(smallMeta, `["4", "8"]`, `["4"]`, 1), "1 levels"},
		{"a key without a parameter", smallRows, strings.Replace(smallMeta, `"act"], "obj`, `"act", "id"], "obj`, 1), `key column "id"`},
		{"no JSON", smallRows, "{", "meta: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := smallTable(c.rows, c.meta)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want an error with %q", err, c.want)
			}
		})
	}
	if _, err := Table("plain", strings.NewReader(smallRows), strings.NewReader(smallMeta)); err == nil {
		t.Error("rows that are not gzip are read without an error")
	}
}

func TestTheTableThatComesWithThePackage(t *testing.T) {
	p, err := New("mlp_digits", 1)
	if err != nil {
		t.Fatal(err)
	}
	if p.Minimum != 0.14452 {
		t.Errorf("the minimum is %v, want 0.14452", p.Minimum)
	}
	curve := p.Curve(func(_ string, d space.Dist) float64 { return d.Value(0) })
	if len(curve) != 25 || curve[0] != 2.2758 || curve[24] != 1.6504 {
		t.Errorf("the curve of the first row is %v, want 2.2758 to 1.6504 in 25 epochs", curve)
	}
}
