package plot_test

import (
	"math"
	"testing"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/trial"
)

func TestImportancesAreSharesOfAll(t *testing.T) {
	log := trial.NewLog(minimize)
	for i := range 50 {
		u := complete(i, math.Sin(float64(i)))
		for _, p := range []trial.Param{{Name: "x", Value: math.Sin(float64(i))}, {Name: "y", Value: math.Cos(float64(7 * i))}, {Name: "z"}} {
			p.Dist = space.Float{Low: -1, High: 1}
			u.Params = append(u.Params, p)
		}
		log.Put(u)
	}
	all, err := plot.Importances(log.History(), plot.Config{}, importance.PEDANOVA{})
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, b := range all.Params {
		if !(0 <= b.Low && b.Low <= b.Value && b.Value <= b.High && b.High <= 1) {
			t.Errorf("%+v is not in order", b)
		}
		sum += float64(b.Value)
	}
	if all.Method != "PED-ANOVA" || all.Trials != 50 || len(all.Params) != 3 || math.Abs(sum-1) > 1e-12 || all.Params[0].Name != "x" {
		t.Errorf("got %+v", all)
	}
	one, err := plot.Importances(log.History(), plot.Config{Params: []string{"x"}}, importance.PEDANOVA{})
	if err != nil || len(one.Params) != 1 || one.Params[0] != all.Params[0] {
		t.Errorf("of x alone: %+v, want %+v (%v)", one, all.Params[0], err)
	}
}
