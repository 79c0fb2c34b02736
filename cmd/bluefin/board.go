package main

import (
	"fmt"
	"math"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/trial"
)

// A board shows the state of a study as a block of lines: the running trials, and what all trials have
// come to. Its rows show trials that have ended.
type board struct {
	outline.Outline
	rows
	began    time.Time // of this run
	deadline time.Time // zero: none
	stopping bool

	// Of a study that other processes run:
	waiting int            // trials in the queue
	paused  int            // trials that may be resumed
	workers map[int]string // of running trials, in place of their parameters
	idle    bool           // nobody runs it
}

// block returns at most height lines about a study.
func (b *board) block(h trial.History, now time.Time, width, height int) (lines []string) {
	summary := flow(b.summary(h, now), width)
	running := h.Running()
	// At least half of the terminal is left to the trials that have ended.
	room := max(1, height/2-len(summary)-1)
	more := 0
	if len(running) > room {
		running, more = running[:room-1], len(running)-room+1
	}
	for _, t := range running {
		lines = append(lines, b.running(t, clock(now.Sub(t.Start)), width))
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("  … and %d more running", more))
	}
	// Those above may be missing, or have scrolled away.
	away := b.shown < b.named() || b.since > height-len(lines)-len(summary)
	if names := b.names(width); names != "" && b.workers == nil && away && len(running) > 0 && b.indent > 0 {
		lines = append([]string{names}, lines...)
	}
	return append(lines, summary...)
}

// summary returns what all trials have come to, the most important first.
func (b *board) summary(h trial.History, now time.Time) (parts []string) {
	count, infeasible := map[trial.State]int{}, 0
	for _, t := range h.Finished() {
		if t.Violation() > 0 {
			infeasible++
		} else {
			count[t.State]++
		}
	}
	done := len(h.Finished())
	if b.Trials > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s", done, counted(b.Trials, "trial")))
	} else {
		parts = append(parts, counted(done, "trial"))
	}
	for _, s := range []struct {
		state trial.State
		what  string
	}{{trial.Complete, "complete"}, {trial.Pruned, "pruned"}, {trial.Failed, "failed"}} {
		if n := count[s.state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s.what))
		}
	}
	if infeasible > 0 {
		parts = append(parts, fmt.Sprintf("%d infeasible", infeasible))
	}
	if b.waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d waiting", b.waiting))
	}
	if b.paused > 0 {
		parts = append(parts, fmt.Sprintf("%d paused", b.paused))
	}
	switch best, ok := h.Best(); {
	case !ok:
	case len(h.Directions()) > 1:
		parts = append(parts, "front of "+counted(len(h.ParetoFront()), "trial"))
	default:
		parts = append(parts, fmt.Sprintf("best %s %s (trial %d)", message.Visible(b.Metrics[0]), shownValue(best.Values[0]),
			best.Number))
	}
	if !b.began.IsZero() {
		parts = append(parts, clock(now.Sub(b.began)))
	}
	switch {
	case b.stopping:
		return append(parts, "stopping")
	case b.idle && (b.Trials == 0 || done < b.Trials):
		return append(parts, "not running")
	}
	if left, ok := b.left(h, now); ok {
		parts = append(parts, "about "+roughTime(left)+" left")
	}
	return parts
}

// recent is how many of the last trials tell how long one takes.
const recent = 50

// left estimates the time until the search ends, from the last trials.
func (b *board) left(h trial.History, now time.Time) (time.Duration, bool) {
	finished, running := h.Finished(), h.Running()
	if len(finished) == 0 || b.Trials <= len(finished) {
		return 0, false
	}
	last := finished[max(0, len(finished)-recent):]
	var sum time.Duration
	for _, t := range last {
		sum += t.Duration()
	}
	mean := sum / time.Duration(len(last))
	work, longest := mean*time.Duration(max(0, b.Trials-len(finished)-len(running))), time.Duration(0)
	for _, t := range running {
		rest := max(0, mean-now.Sub(t.Start))
		work, longest = work+rest, max(longest, rest)
	}
	left := max(longest, work/time.Duration(max(1, b.Workers, len(running))))
	if !b.deadline.IsZero() {
		left = min(left, max(0, b.deadline.Sub(now)))
	}
	return left, true
}

// roughTime shows an estimate: 40 s, 4 min, 3 h, 2 days.
func roughTime(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 90:
		return fmt.Sprintf("%.0f s", max(5, 5*math.Round(s/5)))
	case s < 90*60:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.0f h", s/3600)
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// clock shows a time in whole seconds, or as shortTime does.
func clock(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%d s", int(max(0, d).Seconds()))
	}
	return shortTime(d)
}

// flow puts parts beside each other in lines of at most width columns.
func flow(parts []string, width int) (lines []string) {
	const between = " · "
	for _, part := range parts {
		if last := len(lines) - 1; last >= 0 &&
			text.StringWidthWithoutEscSequences(lines[last]+between+part) <= width {
			lines[last] += between + part
		} else {
			lines = append(lines, part)
		}
	}
	return lines
}
