package pruner_test

import (
	"fmt"

	"github.com/bluefin-hpo/bluefin/pruner"
	"github.com/bluefin-hpo/bluefin/trial"
)

// deadline stops trials that have not reached Target by Step.
type deadline struct {
	Step   int
	Target float64
}

func (p deadline) Prune(h trial.History, t *trial.Trial) (pruner.Verdict, error) {
	last, ok := t.LastReport()
	late := ok && last.Step >= p.Step
	return pruner.Verdict{Prune: late && h.Directions()[0].Better(p.Target, last.Value)}, nil
}

// A custom pruner is a type with the method Prune. A study uses it with
// study.Config{Pruner: deadline{Step: 10, Target: 0.5}}; here it is asked by hand.
func Example() {
	var p pruner.Pruner = deadline{Step: 10, Target: 0.5}
	h := trial.NewLog([]trial.Direction{trial.Minimize}).History()
	for _, r := range []trial.Report{{Step: 9, Value: 0.8}, {Step: 10, Value: 0.4}, {Step: 10, Value: 0.8}} {
		v, err := p.Prune(h, &trial.Trial{Reports: []trial.Report{r}})
		fmt.Println(r.Step, r.Value, v.Prune, err)
	}
	// Output:
	// 9 0.8 false <nil>
	// 10 0.4 false <nil>
	// 10 0.8 true <nil>
}
