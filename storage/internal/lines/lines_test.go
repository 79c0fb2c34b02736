package lines

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
)

// Numbers are written as encoding/json writes them, and read again to the last bit.
func TestNumbers(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	numbers := []float64{0, math.Copysign(0, -1), 1, -1, 0.1, 1e-6, 9.99e-7, 1e-9, 1e-10, 1e20, 1e21, 1e22, 1e100,
		5e-324, math.MaxFloat64, 0.1 + 0.2, 123456789.125}
	for range 10_000 {
		if x := math.Float64frombits(random.Uint64()); !math.IsNaN(x) && !math.IsInf(x, 0) {
			numbers = append(numbers, x)
		}
		numbers = append(numbers, random.Float64(), random.NormFloat64()*1e-7)
	}
	for _, x := range numbers {
		want, err := json.Marshal(x)
		got, _ := json.Marshal(Number(x))
		if err != nil || string(got) != string(want) {
			t.Fatalf("%v: got %s, want %s", x, got, want)
		}
		var again Number
		if err := json.Unmarshal(got, &again); err != nil || math.Float64bits(float64(again)) != math.Float64bits(x) {
			t.Fatalf("%s: got %v, %v", got, again, err)
		}
		var r Report
		text, _ := json.Marshal(Report{7, Number(x)})
		if err := json.Unmarshal(text, &r); err != nil || r != (Report{7, Number(x)}) {
			t.Fatalf("%s: got %v, %v", text, r, err)
		}
	}
	for _, text := range []string{`[]`, `[1]`, `[1,2,3]`, `[1.5,2]`, `[null,2]`, `[1,null]`, `[1,"2"]`, `[1,"a,b"]`, `[[1],2]`, `{"a":1,"b":2}`,
		`"1,2"`, `1`, `null1`, `[1,1e999]`, `["1",2]`, `[99999999999999999999,1]`} {
		if err := json.Unmarshal([]byte(text), new(Report)); err == nil {
			t.Errorf("%s is no report: got no error", text)
		}
	}
	for _, text := range []string{`null`, `"nan"`, `true`, `{}`, `[]`, `"1"`, `1e999`} {
		if err := json.Unmarshal([]byte(text), new(Number)); err == nil && text != "null" {
			t.Errorf("%s is no number: got no error", text)
		}
	}
}
