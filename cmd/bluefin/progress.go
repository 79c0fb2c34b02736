package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// quiet is how long a trial runs before a line shows that it has started. Lines about its steps come
// then, and each takes twice as long as the one before.
const quiet = 3 * time.Second

// progress shows the trials of a study while this process runs some of them: on a terminal a row for
// each that has ended and a live board below, elsewhere lines or JSON.
type progress struct {
	con        console
	width      func() int
	now        func() time.Time
	quiet      time.Duration
	directions []trial.Direction

	study *study.Study
	ctx   context.Context // ends when the search is stopped

	mu    sync.Mutex // guards the following
	board board
	front []*trial.Trial  // the best trial so far, or those that no other dominates
	own   map[int]*notice // the trials that this process runs
	stop  func()          // ends the lines about running trials; nil: none have started
}

// A notice says when a running trial was last shown, where there is no live board.
type notice struct {
	at      time.Time
	quiet   time.Duration // until it is shown again
	started bool          // a line has said so
	reports int           // that were known
}

// newProgress returns the progress of a search, which cfg reports to it.
func newProgress(con console, s outline.Outline, cfg *study.Config) *progress {
	p := &progress{con: con, width: func() int { return widthOf(con.err) }, now: time.Now, quiet: quiet,
		directions: cfg.Directions, board: board{Outline: s}, own: map[int]*notice{}}
	cfg.OnTrialStart, cfg.OnReport, cfg.OnTrialPause, cfg.OnTrialEnd = p.started, p.reported, p.ended, p.ended
	return p
}

// begin shows what the study has from earlier runs, and tells it of this search. The search stops with ctx.
func (p *progress) begin(ctx context.Context, s *study.Study) error {
	trials, err := s.Trials(ctx)
	if err != nil {
		return err
	}
	switch finished, total := countFinished(trials), p.board.Trials; {
	case finished >= total:
		p.con.logf("Study %q already has %s. A larger --trials resumes it.", s.Name(), counted(finished, "trial"))
	case finished > 0:
		p.con.logf("Study %q resumes with %d of %d trials finished.", s.Name(), finished, total)
	}
	if err := p.follow(ctx, s); err != nil {
		return err
	}
	attrs, err := s.UserAttrs(ctx)
	if err != nil {
		return err
	}
	if text, err := json.Marshal(p.board.Outline); err != nil || string(text) == string(attrs[outline.Key]) {
		return err
	}
	return s.SetUserAttr(ctx, outline.Key, p.board.Outline)
}

// follow is begin for a process that does not own the study: it says and writes nothing.
func (p *progress) follow(ctx context.Context, s *study.Study) (err error) {
	p.study, p.ctx, p.board.began = s, ctx, p.now()
	p.board.deadline, _ = ctx.Deadline()
	p.front, err = s.BestTrials(ctx)
	return err
}

// total changes how many trials the study has in all.
func (p *progress) total(trials int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.board.Trials = trials
}

// started is called when a trial of this process starts.
func (p *progress) started(t *trial.Trial) {
	p.mu.Lock()
	p.own[t.Number] = &notice{at: p.now(), quiet: p.quiet, reports: len(t.Reports)}
	first := p.stop == nil
	switch {
	case !first || p.con.json != nil:
	case p.con.screen != nil:
		p.stop = p.con.screen.hide
		p.con.screen.show(p.render)
	default:
		p.stop = p.watch()
	}
	p.mu.Unlock()
	p.changed()
	last, resumed := t.LastReport() // those of a trial that starts are of its checkpoint
	switch {
	case p.con.json != nil:
		p.con.json.Info("trial started", trialAttrs(t)...)
	case resumed:
		p.con.logf("  Trial %d resumes from its checkpoint of %s %d.", t.Number, p.board.Step, last.Step)
	}
}

// reported is called when a trial of this process reports.
func (p *progress) reported(t *trial.Trial, r trial.Report) {
	p.changed()
	if p.con.json != nil {
		p.con.json.Info("report", "trial", t.Number, "step", r.Step, "value", jsonNumber(r.Value))
	}
}

// changed has the live board redrawn.
func (p *progress) changed() {
	if p.con.screen != nil {
		p.con.screen.change()
	}
}

// ended is called when a trial of this process has ended or paused.
func (p *progress) ended(t *trial.Trial) {
	p.mu.Lock()
	delete(p.own, t.Number)
	p.mu.Unlock()
	p.row(t)
}

// row shows a trial that has ended or paused.
func (p *progress) row(t *trial.Trial) {
	p.mu.Lock()
	gain := p.gain(t)
	if p.con.json != nil {
		p.mu.Unlock()
		if t.Paused() {
			p.con.json.Info("trial paused", trialAttrs(t)...)
		} else {
			p.con.json.Info("trial ended", append(trialAttrs(t), "best", gain)...)
		}
		return
	}
	mark, live := " ", p.con.screen != nil
	if gain {
		mark = "*"
	}
	lines := p.board.ended(t, mark, p.width(), live)
	p.mu.Unlock()
	if !live {
		fmt.Fprintln(p.con.err, strings.Join(lines, "\n"))
		return
	}
	for i, line := range lines {
		lines[i] = colored(t.State, gain, line)
	}
	p.con.screen.refresh([]byte(strings.Join(lines, "\n") + "\n")) // its line in the block goes
}

// colored gives a line about a trial the color of what became of it, unless NO_COLOR is set.
func colored(s trial.State, gain bool, line string) string {
	switch {
	case gain:
		return text.Bold.Sprint(line)
	case s == trial.Pruned, s == trial.Waiting:
		return text.Faint.Sprint(line)
	case s == trial.Failed:
		return text.FgRed.Sprint(line)
	}
	return line
}

// gain reports whether a trial is better than all before, and looks so: a star beside an equal number
// would puzzle. With several objectives, it is one that no other dominates.
func (p *progress) gain(t *trial.Trial) bool {
	if t.State != trial.Complete || t.Violation() > 0 {
		return false
	}
	if _, again := study.RepeatOf(t); again { // one value alone decides nothing
		return false
	}
	dominates := func(a, b *trial.Trial) bool {
		for i, d := range p.directions {
			if d.Better(b.Values[i], a.Values[i]) {
				return false
			}
		}
		return true
	}
	if slices.ContainsFunc(p.front, func(u *trial.Trial) bool { return dominates(u, t) }) {
		return false
	}
	looks := len(p.front) == 0 || len(p.directions) > 1 || shownValue(t.Values[0]) != shownValue(p.front[0].Values[0])
	if looks {
		p.front = append(slices.DeleteFunc(p.front, func(u *trial.Trial) bool { return dominates(t, u) }), t)
	}
	return looks
}

// render draws the live board.
func (p *progress) render(width, height int) []string {
	h, err := p.study.History(context.WithoutCancel(p.ctx))
	if err != nil { // the search ends with it
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.board.stopping = p.ctx.Err() != nil
	return p.board.block(h, p.now(), width, height)
}

// end removes the live board.
func (p *progress) end() {
	p.mu.Lock()
	stop := p.stop
	p.stop = nil
	p.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// watch shows lines about running trials that take long, until stop is called.
func (p *progress) watch() (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(max(p.quiet/10, time.Millisecond))
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				p.tick()
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

// tick shows the trials of this process that are due.
func (p *progress) tick() {
	due := false
	p.mu.Lock()
	now := p.now()
	for _, n := range p.own {
		due = due || now.Sub(n.at) >= n.quiet
	}
	p.mu.Unlock()
	if !due {
		return
	}
	h, err := p.study.History(context.WithoutCancel(p.ctx))
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range h.Running() {
		n := p.own[t.Number]
		if n == nil || now.Sub(n.at) < n.quiet {
			continue
		}
		head := fmt.Sprintf("  trial %3d/%d  ", t.Number, p.board.Trials)
		switch {
		case !n.started:
			p.line(head + "started   " + settings(t.Params))
		case len(t.Reports) > n.reports:
			last, _ := t.LastReport()
			p.line(fmt.Sprintf("%srunning   %s %-7s %s %d, %s so far", head, message.Visible(p.board.Metrics[0]),
				shownValue(last.Value), p.board.Step, last.Step, shortTime(now.Sub(t.Start))))
			n.quiet = min(2*n.quiet, 5*time.Minute)
		default:
			continue
		}
		n.at, n.started, n.reports = now, true, len(t.Reports)
	}
}

// settings shows the parameters that are searched.
func settings(params []trial.Param) string {
	var all []string
	for _, p := range params {
		if p.Dist.Len() != 1 {
			all = append(all, message.Visible(p.Name+"="+shortValue(p.External())))
		}
	}
	return strings.Join(all, " ")
}

// line prints one line, cut to the width.
func (p *progress) line(s string) {
	fmt.Fprintln(p.con.err, text.Snip(strings.TrimRight(s, " "), p.width(), "…"))
}
