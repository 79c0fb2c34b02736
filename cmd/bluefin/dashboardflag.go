package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/dashboard"
	"github.com/bluefin-hpo/bluefin/study"
)

// An addressFlag is the value of --dashboard, which needs none: --dashboard=ADDRESS.
type addressFlag string

// Set implements cli.Generic. Others could reach another address: bluefin dashboard has a token.
func (a *addressFlag) Set(text string) error {
	switch text {
	case "true": // the parser's word for a flag without a value
		text = dashboardAddr
	case "false":
		text = ""
	default:
		if err := dashboard.CheckListen(text, ""); err != nil {
			return err
		}
	}
	*a = addressFlag(text)
	return nil
}

// String implements cli.Generic.
func (a *addressFlag) String() string { return string(*a) }

// IsBoolFlag tells the parser that the next argument is no value.
func (a *addressFlag) IsBoolFlag() bool { return true }

func (s *runner) dashboardFlag() cli.Flag {
	return &cli.GenericFlag{Name: "dashboard", Destination: &s.dashboard, Value: &s.dashboard, DefaultText: "none",
		Usage: "show the search in a browser while it runs; --dashboard=`ADDRESS` is where, else " + dashboardAddr}
}

// serve shows a study in a browser until stop is called, if that is wanted. On a terminal stop waits for
// Ctrl-C, unless ctx has ended: searches can be too short to look at. What goes wrong is said, and the
// search runs without.
func (s *runner) serve(ctx context.Context, con console, name string) (stop func()) {
	if s.dashboard == "" {
		return func() {}
	}
	stop, err := s.beginDashboard(ctx, con, name)
	if err != nil {
		con.logf("There is no dashboard: %v. The search runs without it.", err)
		return func() {}
	}
	return stop
}

func (s *runner) beginDashboard(ctx context.Context, con console, name string) (stop func(), err error) {
	p, err := s.storage.place()
	if err != nil {
		return nil, err
	}
	d, closeAll, err := newDashboard(ctx, con, p, dashboard.Config{Logger: con.logger(), Engine: s.engine})
	if err != nil {
		return nil, err
	}
	page, err := d.Page(ctx, name)
	if err != nil {
		closeAll()
		return nil, err
	}
	l, err := listen(ctx, con, string(s.dashboard), true)
	if err != nil {
		closeAll()
		return nil, err
	}
	until := "the search ends"
	if con.screen != nil {
		until = "Ctrl-C"
	}
	con.logf("The dashboard is at %s until %s.", link(l, page, ""), until)
	// Ctrl-C ends the search first, whose last trials may still be looked at.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- d.Serve(serving, l) }()
	return func() {
		if con.screen != nil && ctx.Err() == nil {
			con.logf("The search has ended. The dashboard stays at %s until Ctrl-C.", link(l, page, ""))
			<-ctx.Done()
		}
		cancel()
		if err := <-done; err != nil {
			con.logf("The dashboard ended: %v.", err)
		}
		closeAll()
		con.logf("To look again: bluefin dashboard --storage %s", p.shellWord())
	}, nil
}

// engine is how the trials of this run are drawn.
func (s *runner) engine(name string, _ int) (cfg study.Config, err error) {
	if cfg.Sampler, cfg.Seed, err = s.sampler.sampler(s.trials); err != nil {
		return cfg, fmt.Errorf("sampler: %w", err)
	}
	cfg.Pruner, err = parsePruner(s.pruner, name, s.metrics...)
	return cfg, err
}
