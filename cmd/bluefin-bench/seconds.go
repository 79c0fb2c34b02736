package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/signedrank"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/trial"
)

// secondsCommand measures what a search by improvement per second gains in equal time.
type secondsCommand struct {
	problems problemFlags // the seeds
	budgets  string
	format   string
}

func (s *secondsCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "seconds",
		Usage: "compare searches by improvement per second and per trial in equal time",
		Description: "Tunes the imitated fine-tuning of memory, on a card that fits everything. A training takes the\n" +
			"time of its tokens and trained layers on a clock of its own. The regret is the distance of the\n" +
			"best loss to the least one, after a budget in mean times of random trainings.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "budgets", Destination: &s.budgets, Value: "10,20,40", Usage: "`SIZES` of budgets, with commas, rising"},
			&cli.IntFlag{Name: "seeds", Destination: &s.problems.seeds, Value: 15, Usage: "`NUMBER` of seeds"},
			&cli.IntFlag{Name: "first-seed", Destination: &s.problems.firstSeed, Usage: "first of the seeds; 100 and above are for development"},
			formatFlag(&s.format),
		},
		Action: action(s.run),
	}
}

// A secondsRow is the outcome of one search.
type secondsRow struct {
	PerSecond bool      `json:"per_second"`
	Seed      int       `json:"seed"`
	Trials    int       `json:"trials"`
	Regrets   []float64 `json:"regrets"` // by budget
}

func (s *secondsCommand) run(ctx context.Context, stdout, _ io.Writer) error {
	seeds, err := s.problems.seedList()
	budgets, budgetsErr := counts("budgets", s.budgets)
	if err := cmp.Or(err, budgetsErr); err != nil {
		return err
	}
	var rows []secondsRow
	for _, per := range []bool{false, true} {
		for _, seed := range seeds {
			rows = append(rows, secondsRow{PerSecond: per, Seed: seed})
		}
	}
	rows, err = each(ctx, len(rows), func(_ context.Context, i int) (secondsRow, error) { return rows[i].search(budgets) })
	if err != nil {
		return err
	}
	if s.format == "json" {
		return json.NewEncoder(stdout).Encode(rows)
	}
	n := len(seeds)
	fmt.Fprintf(stdout, "%6s  %9s  %10s  %s\n", "budget", "per trial", "per second", "p")
	for k, budget := range budgets {
		var trials, seconds, differences []float64
		for i := range n {
			a, b := rows[i].Regrets[k], rows[n+i].Regrets[k]
			trials, seconds, differences = append(trials, a), append(seconds, b), append(differences, math.Log(b/a))
		}
		if _, err := fmt.Fprintf(stdout, "%6d  %9.4f  %10.4f  %.3f\n", budget, medianOf(trials), medianOf(seconds),
			signedrank.TwoSided(differences)); err != nil {
			return err
		}
	}
	return nil
}

// search runs one search until the largest budget is spent. The clock is that of the task.
func (row secondsRow) search(budgets []int) (secondsRow, error) {
	task := loraTask{Limit: math.Inf(1), Shift: uint64(row.Seed)}
	least, unit := task.minimum(), task.meanSeconds()
	s := &sampler.GP{PerSecond: row.PerSecond}
	log := trial.NewLog([]trial.Direction{trial.Minimize})
	now, spent, best := time.Unix(0, 0), 0.0, math.Inf(1)
	for {
		u := &trial.Trial{Number: row.Trials, Seen: row.Trials, State: trial.Complete, Start: now}
		request := func(k int) sampler.Request {
			return sampler.NewRequest(log.History(), u, rand.New(rand.NewPCG(samplerSeed(row.Seed)<<32+uint64(row.Trials), uint64(k))))
		}
		joint, err := s.SampleJoint(request(0))
		if err != nil {
			return row, err
		}
		v := map[string]float64{}
		for k, d := range loraSpace {
			x, ok := joint[d.Name]
			if !ok {
				if x, err = s.Sample(request(k+1), d.Name, d.Dist); err != nil {
					return row, err
				}
			}
			v[d.Name] = x
			u.Params = append(u.Params, trial.Param{Name: d.Name, Value: x, Dist: d.Dist})
		}
		seconds := task.seconds(v)
		spent += seconds
		for len(row.Regrets) < len(budgets) && spent > unit*float64(budgets[len(row.Regrets)]) {
			row.Regrets = append(row.Regrets, best-least)
		}
		if len(row.Regrets) == len(budgets) {
			return row, nil
		}
		now = now.Add(time.Duration(seconds * float64(time.Second)))
		u.End, u.Values = now, []float64{task.loss(v)}
		best = min(best, u.Values[0])
		log.Put(u)
		row.Trials++
	}
}

// meanSeconds returns the mean time of random trainings.
func (t loraTask) meanSeconds() float64 {
	r := rand.New(rand.NewPCG(1, 9))
	const n = 1000
	sum := 0.0
	for range n {
		v := map[string]float64{}
		for _, d := range loraSpace {
			v[d.Name] = d.Dist.Value(r.Float64())
		}
		sum += t.seconds(v)
	}
	return sum / n
}
