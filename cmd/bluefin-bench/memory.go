package main

import (
	"bufio"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/internal/signedrank"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
)

// memoryCommand counts the trials that run out of memory.
type memoryCommand struct {
	problems problemFlags // the seeds
	sampler  string
	limits   string
	trials   int
	python   string
	format   string
}

func (m *memoryCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "memory",
		Usage: "count trials that run out of memory, beside Optuna's TPE",
		Description: "Tunes nine settings of an imitated fine-tuning on cards of different sizes. A trial that\n" +
			"does not fit ends as infeasible; Optuna is given it as failed, as pruned, and as pruned with\n" +
			"a constraint that is violated. The regret is the distance of the best loss to the least one\n" +
			"that fits.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "sampler", Destination: &m.sampler, Value: "auto,tpe,gp,random", Usage: "`NAMES` of samplers, with commas"},
			&cli.StringFlag{Name: "limits", Destination: &m.limits, Value: "8,4,2", Usage: "`SIZES` of cards, in GiB, with commas"},
			&cli.IntFlag{Name: "trials", Destination: &m.trials, Value: 30, Usage: "`NUMBER` of trials of a search"},
			&cli.IntFlag{Name: "seeds", Destination: &m.problems.seeds, Value: 10, Usage: "`NUMBER` of seeds"},
			&cli.IntFlag{Name: "first-seed", Destination: &m.problems.firstSeed, Usage: "first of the seeds; 100 and above are for development"},
			&cli.StringFlag{Name: "python", Destination: &m.python, Usage: "a Python `PROGRAM` with Optuna; none: without Optuna"},
			formatFlag(&m.format),
		},
		Action: action(m.run),
	}
}

// A memoryRow is the outcome of one search.
type memoryRow struct {
	Engine string  `json:"engine"`
	Limit  int     `json:"limit_gib"`
	Seed   int     `json:"seed"`
	OOM    int     `json:"out_of_memory"`
	Regret float64 `json:"regret"`
}

func (m *memoryCommand) run(ctx context.Context, stdout, _ io.Writer) error {
	seeds, err := m.problems.seedList()
	limits, limitsErr := counts("limits", m.limits)
	if err := cmp.Or(err, limitsErr, atLeast("trials", m.trials, 1)); err != nil {
		return err
	}
	engines := words(m.sampler)
	for _, name := range engines {
		if _, err := newSampler(name, plan{}); err != nil {
			return err
		}
	}
	if m.python != "" {
		engines = append(engines, "optuna-tpe fail", "optuna-tpe pruned", "optuna-tpe constraint")
	}
	var rows []memoryRow
	for _, limit := range limits {
		for _, engine := range engines {
			for _, seed := range seeds {
				rows = append(rows, memoryRow{Engine: engine, Limit: limit, Seed: seed})
			}
		}
	}
	rows, err = each(ctx, len(rows), func(ctx context.Context, i int) (memoryRow, error) { return m.search(ctx, rows[i]) })
	if err != nil {
		return err
	}
	if m.format == "json" {
		return json.NewEncoder(stdout).Encode(rows)
	}
	return m.table(stdout, rows, limits, engines)
}

// search runs one search.
func (m *memoryCommand) search(ctx context.Context, row memoryRow) (memoryRow, error) {
	task := loraTask{Limit: float64(row.Limit), Shift: uint64(row.Seed)}
	best := math.Inf(1)
	result := func(v map[string]float64) (loss float64, runs bool) {
		if !task.runs(v) {
			row.OOM++
			return 0, false
		}
		loss = task.loss(v)
		best = min(best, loss)
		return loss, true
	}
	var err error
	if how, ok := strings.CutPrefix(row.Engine, "optuna-tpe "); ok {
		err = m.optuna(ctx, how, row.Seed, result)
	} else {
		err = m.bluefin(ctx, row, result)
	}
	row.Regret = best - task.minimum()
	return row, err
}

func (m *memoryCommand) bluefin(ctx context.Context, row memoryRow, result func(map[string]float64) (float64, bool)) error {
	s, err := newSampler(row.Engine, plan{seed: samplerSeed(row.Seed), trials: m.trials})
	if err != nil {
		return err
	}
	st, err := study.Open(ctx, study.Config{Sampler: s, Seed: samplerSeed(row.Seed), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	return st.Optimize(ctx, func(t *study.Trial) (float64, error) {
		v := map[string]float64{}
		for _, d := range loraSpace {
			v[d.Name] = suggest(t)(d.Name, d.Dist)
		}
		if loss, runs := result(v); runs {
			return loss, nil
		}
		return 0, study.ErrInfeasible
	}, study.Budget{Trials: m.trials})
}

//go:embed memory.py
var memoryScript string

func (m *memoryCommand) optuna(ctx context.Context, how string, seed int, result func(map[string]float64) (float64, bool)) error {
	dists := map[string]string{}
	for _, d := range loraSpace {
		text, err := space.Marshal(d.Dist)
		if err != nil {
			return err
		}
		dists[d.Name] = string(text)
	}
	spaceText, err := json.Marshal(dists)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, m.python, "-c", memoryScript, strconv.FormatUint(samplerSeed(seed), 10), how, string(spaceText))
	cmd.Env = append(os.Environ(), singleThread...)
	var messages strings.Builder
	cmd.Stderr = &messages
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("--python %s: %w", m.python, err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; n < m.trials; n++ {
		var v map[string]float64
		if !lines.Scan() {
			err := cmd.Wait()
			said := strings.Split(strings.TrimSpace(messages.String()), "\n")
			return fmt.Errorf("--python %s: %w: %s", m.python, err, said[len(said)-1])
		}
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			return err
		}
		answer := "oom"
		if loss, runs := result(v); runs {
			answer = strconv.FormatFloat(loss, 'g', -1, 64)
		}
		if _, err := fmt.Fprintln(in, answer); err != nil {
			return err
		}
	}
	in.Close()
	lines.Scan() // the next trial, which is not run
	return cmd.Wait()
}

// table prints a line for each card and engine, with the p of a signed-rank test of the regrets against
// those of Optuna's failed trials.
func (m *memoryCommand) table(w io.Writer, rows []memoryRow, limits []int, engines []string) error {
	of := func(limit int, engine string) (ooms, regrets []float64) {
		for _, r := range rows {
			if r.Limit == limit && r.Engine == engine {
				ooms, regrets = append(ooms, float64(r.OOM)), append(regrets, r.Regret)
			}
		}
		return ooms, regrets
	}
	fmt.Fprintf(w, "%-22s %5s  %9s %4s %4s  %13s  %s\n", "search", "GiB", "mean OOM", "min", "max", "median regret", "p")
	for _, limit := range limits {
		_, theirs := of(limit, "optuna-tpe fail")
		for _, engine := range engines {
			ooms, regrets := of(limit, engine)
			sum := 0.0
			for _, n := range ooms {
				sum += n
			}
			p := ""
			if len(theirs) > 0 && engine != "optuna-tpe fail" {
				var differences []float64
				for i, r := range regrets {
					differences = append(differences, r-theirs[i])
				}
				p = fmt.Sprintf("%.3f", signedrank.TwoSided(differences))
			}
			if _, err := fmt.Fprintf(w, "%-22s %5d  %9.1f %4.0f %4.0f  %13.4f  %s\n", engine, limit, sum/float64(len(ooms)),
				slices.Min(ooms), slices.Max(ooms), medianOf(regrets), p); err != nil {
				return err
			}
		}
	}
	return nil
}

// medianOf returns the median of some numbers.
func medianOf(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
