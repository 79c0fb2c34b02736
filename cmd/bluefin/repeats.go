package main

import (
	"context"
	"fmt"
	"math"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/study"
)

// repeatedBest is how many trials --repeats repeats.
const repeatedBest = 3

// repeatsFlag runs the best trials again at the end.
func repeatsFlag(times *int) cli.Flag {
	return &cli.IntFlag{Name: "repeats", Destination: times, DefaultText: "none",
		Usage: fmt.Sprintf("at the end, run the best %d trials `NUMBER` more times with other seeds; the best mean wins",
			repeatedBest)}
}

// again runs the best trials again, once the search has ended.
func (s *runner) again(ctx context.Context, con console, st *study.Study, f study.Objective) error {
	if s.repeats == 0 || st.Stopped() {
		return nil
	}
	con.logf("Repeating the best %d trials, %s each …", repeatedBest, counted(s.repeats, "time"))
	return st.Repeat(ctx, f, repeatedBest, s.repeats, s.workers)
}

// printRepeated shows how well the best trials did again.
func printRepeated(ctx context.Context, con console, st *study.Study) error {
	if len(st.Directions()) > 1 {
		return nil
	}
	all, err := st.Repeated(ctx)
	if err != nil || len(all) == 0 {
		return err
	}
	message.Fprintf(con.out, "The best trials again, with other seeds:\n")
	same := true
	for _, r := range all {
		spread := ""
		if sd := r.Deviation(); !math.IsNaN(sd) {
			spread = fmt.Sprintf(" ± %.2g", sd)
			same = same && sd == 0
		}
		message.Fprintf(con.out, "  trial %-4d mean %.4g%s of %s (%.4g when it was chosen)\n", r.Trial.Number, r.Mean(),
			spread, counted(len(r.Values), "repetition"), r.Trial.Values[0])
		same = same && r.Values[0] == r.Trial.Values[0]
	}
	if same {
		con.logf("All repetitions returned the same values: the program must take its seed from BLUEFIN_REPETITION or " +
			"{repetition}.")
	}
	return nil
}
