package nn

import (
	"slices"
	"testing"
)

func TestWalkVisitsAllLayers(t *testing.T) {
	dense := func(name string) *Dense { return NewDense(name, 4, 4) }
	net := &Network{
		Blocks: Sequential{
			Sequential{dense("a"), &ReLU{}, &Dropout{}},
			Sequential{&Residual{F: &MultiHeadAttention{Query: dense("q"), Key: dense("k"), Value: dense("v"), Output: dense("o"), Heads: 2}}},
			&Residual{F: dense("f"), Shortcut: dense("s")},
		},
		Head: dense("head"),
	}
	var got []string
	Walk(net, func(l Layer) {
		if d, ok := l.(*Dense); ok {
			got = append(got, d.B.Name)
		}
	})
	want := []string{"a.bias", "q.bias", "k.bias", "v.bias", "o.bias", "f.bias", "s.bias", "head.bias"}
	if !slices.Equal(got, want) {
		t.Errorf("the dense layers are those of %v, want %v", got, want)
	}
}
