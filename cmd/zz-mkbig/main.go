// mkbig PATH TRIALS REPORTS
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/trial"
)

func main() {
	n, _ := strconv.Atoi(os.Args[2])
	reports, _ := strconv.Atoi(os.Args[3])
	ctx := context.Background()
	db, err := sqlite.Open(ctx, os.Args[1], sqlite.Options{})
	if err != nil {
		panic(err)
	}
	defer db.Close()
	r := rand.New(rand.NewPCG(1, 2))
	sched := space.Choose("constant", "linear", "cosine").Dist()
	opt := space.Choose("adamw", "sgd").Dist()
	t0 := time.Now().Add(-48 * time.Hour).UTC().Truncate(time.Microsecond)
	var trials []*trial.Trial
	free := make([]time.Time, 4)
	for i := range free {
		free[i] = t0
	}
	for i := range n {
		lr := math.Exp(math.Log(1e-6) + r.Float64()*math.Log(1e5))
		wd, do := r.Float64()*0.3, r.Float64()*0.5
		bs, ly := float64(int(8)<<r.IntN(4)), float64(r.IntN(7))
		s, o := float64(r.IntN(3)), float64(r.IntN(2))
		p := []trial.Param{
			{Name: "learning_rate", Value: lr, Dist: space.Float{Low: 1e-6, High: 1e-1, Log: true}},
			{Name: "weight_decay", Value: wd, Dist: space.Float{Low: 0, High: 0.3}},
			{Name: "dropout", Value: do, Dist: space.Float{Low: 0, High: 0.5}},
			{Name: "batch_size", Value: bs, Dist: space.Int{Low: 8, High: 64, Log: true}},
			{Name: "frozen_layers", Value: ly, Dist: space.Int{Low: 0, High: 6}},
			{Name: "schedule", Value: s, Dist: sched},
			{Name: "optimizer", Value: o, Dist: opt},
			{Name: "warmup", Value: r.Float64() * 0.2, Dist: space.Float{Low: 0, High: 0.2}},
			{Name: "label_smoothing", Value: r.Float64() * 0.2, Dist: space.Float{Low: 0, High: 0.2}},
			{Name: "epochs", Value: float64(1 + r.IntN(20)), Dist: space.Int{Low: 1, High: 20}},
		}
		y := 0.08*math.Pow(math.Log10(lr)+3.2-0.1*ly, 2) + 0.4*math.Abs(do-0.15) + 0.05*s + 0.1*r.Float64() + 0.2
		t := &trial.Trial{Number: i, State: trial.Complete, Params: p, Seen: i}
		w := i % 4
		d := time.Duration(4+r.IntN(20)) * time.Second
		t.Start = free[w]
		k := reports
		if r.Float64() < 0.3 && i > 10 {
			t.State, k = trial.Pruned, 1+r.IntN(max(1, reports-1))
		} else if r.Float64() < 0.02 && i > 10 {
			t.State, k = trial.Failed, r.IntN(max(1, reports))
			t.SystemAttrs = map[string]json.RawMessage{"bluefin:failure": json.RawMessage(`"CUDA out of memory: tried to allocate 2.00 GiB"`)}
		}
		t.End = t.Start.Add(d * time.Duration(k+1) / time.Duration(reports+1))
		free[w] = t.End.Add(time.Duration(r.IntN(3)) * time.Second)
		for e := range k {
			t.Reports = append(t.Reports, trial.Report{Step: e + 1, Value: y + 1.5*math.Exp(-float64(e)/12) + 0.02*r.NormFloat64()})
		}
		switch t.State {
		case trial.Complete:
			t.Values = []float64{y}
		case trial.Pruned:
			t.Values = []float64{t.Reports[k-1].Value}
		}
		trials = append(trials, t)
	}
	began := time.Now()
	_, err = db.Import(ctx, storage.Snapshot{Study: storage.Study{Name: "big", Directions: []trial.Direction{trial.Minimize}}, Trials: trials})
	fmt.Println(time.Since(began), err)
	began = time.Now()
	st, _ := db.Load(ctx, "big")
	c, err := db.Since(ctx, st.ID, 0)
	fmt.Println("Since", time.Since(began), len(c.Trials), err)
}
