package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/serve/katib"
)

// serveKatibCommand answers Katib's requests for suggestions.
type serveKatibCommand struct {
	listen     string
	anyone     bool
	maxMessage int // MiB
	grace      time.Duration
}

func (s *serveKatibCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "katib",
		Usage: "suggest the trials of Kubeflow's Katib",
		Description: "Serves Katib's gRPC service api.v1.beta1.Suggestion, and gRPC's health service. Katib sends\n" +
			"the whole experiment with each request, so there is no study file and nothing to keep.\n" +
			"docs/many-machines.md has the configuration of Katib.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "listen", Destination: &s.listen, Value: "127.0.0.1:6789",
				Usage: "the `ADDRESS` to listen at, HOST:PORT; port 0 takes a free one. Katib connects to 6789"},
			&cli.BoolFlag{Name: "insecure", Destination: &s.anyone,
				Usage: "let other machines connect. Katib uses neither TLS nor a token: a network policy must keep others out"},
			&cli.IntFlag{Name: "max-message", Destination: &s.maxMessage, Value: 16,
				Usage: "the largest request, in `MIB`"},
			&cli.DurationFlag{Name: "grace", Destination: &s.grace, Value: 10 * time.Second,
				Usage: "the `TIME` that running requests may take after Ctrl-C or SIGTERM"},
		},
		Action: action(s.run),
	}
}

// run serves until Ctrl-C.
func (s *serveKatibCommand) run(ctx context.Context, con console) error {
	switch {
	case s.maxMessage < 1 || s.maxMessage > 256:
		return usagef("--max-message is %d, want 1 to 256", s.maxMessage)
	case s.grace < 0:
		return usagef("--grace is %v, want at least 0", s.grace)
	}
	host, _, err := net.SplitHostPort(s.listen)
	if err != nil {
		return usagef("--listen is %q, want HOST:PORT", s.listen)
	}
	if ip := net.ParseIP(host); host != "localhost" && !ip.IsLoopback() && !s.anyone {
		return usagef("--listen is %q, want an address of this machine such as 127.0.0.1:6789, or --insecure too: "+
			"Katib's protocol has no token", s.listen)
	}
	l, err := listen(ctx, con, s.listen, false)
	if err != nil {
		return err
	}
	con.logf("Katib's suggestion service listens at %s", l.Addr())
	con.logf("Ctrl-C ends it.")
	if err := katib.Serve(ctx, l, katib.Options{MaxMessage: s.maxMessage << 20, Grace: s.grace, Log: con.logger()}); err != nil {
		return fmt.Errorf("serve katib: %w", err)
	}
	return nil
}
