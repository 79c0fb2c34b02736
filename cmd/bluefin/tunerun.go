package main

import (
	"context"
	"errors"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// run runs trials until the budget is used up, or ctx ends.
func (p plan) run(ctx context.Context, con console) (err error) {
	objective, err := command.New(p.command)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, p.timeout, timeoutError(p.timeout))
	defer cancel()
	cfg := p.study
	show := p.progress(con, &cfg, "step", p.command.Metrics[0].Name)
	show.board.declare(p.params)
	db, err := p.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	cfg.Storage = db
	s, err := study.Open(ctx, cfg)
	if err != nil {
		return err
	}
	if err := (tuned{p.command.Metrics[0].Name, p.command.Args}).save(ctx, con, s); err != nil {
		return err
	}
	if err := checkFolder(ctx, p.command.Folder, s); err != nil {
		return err
	}
	if err := show.begin(ctx, s); err != nil {
		return err
	}
	p.warnUnplaced(con)
	defer hurry(con, objective)()
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it; a lost terminal must not leave programs running
		var ended context.CancelFunc
		ctx, ended = signal.NotifyContext(ctx, syscall.SIGHUP)
		defer ended()
	}
	err = s.Optimize(ctx, objective.Run, p.budget())
	return p.report(ctx, con, s, err, func(best *trial.Trial, _ []*trial.Trial, finished int) {
		if best == nil {
			return
		}
		message.Fprintf(con.out, "Best of %d trials: trial %d, %s %v\n", finished, best.Number, p.command.Metrics[0].Name,
			best.Values[0])
		printParams(con.out, best, 0)
	})
}

// warnUnplaced says which parameters do not reach the command, because only others have a {NAME} there.
func (p plan) warnUnplaced(con console) {
	var missing []string
	for _, d := range p.params {
		placeholder := "{" + d.Name + "}"
		if !slices.ContainsFunc(p.command.Args[1:], func(arg string) bool { return strings.Contains(arg, placeholder) }) {
			missing = append(missing, placeholder)
		}
	}
	if len(missing) > 0 && len(missing) < len(p.params) {
		con.logf("The command has no %s: the program gets that only in its environment.", strings.Join(missing, ", "))
	}
}
