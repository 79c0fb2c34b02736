package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/bluefin-hpo/bluefin/cmd/internal/searchspace"
	"github.com/bluefin-hpo/bluefin/space"
)

// mcpCommand serves studies to agents.
type mcpCommand struct {
	study    studyFlags
	sampler  samplerFlags
	space    string
	lease    time.Duration
	readOnly bool
}

func (m *mcpCommand) define() *cli.Command {
	name := m.study.nameFlag()
	name.Usage = "serve only the study of this `NAME` (default: all studies of the file)"
	return &cli.Command{
		Name:  "mcp",
		Usage: "serve studies to AI agents (Model Context Protocol)",
		Description: "An agent lists studies, asks for trials, reports and ends them, queues points of its\n" +
			"own, and sees what the sampler knows. It starts this program itself and talks to it on\n" +
			"standard input and output: docs/mcp.md has the settings for Claude Code, VS Code and\n" +
			"Cursor. No model is called.",
		Flags: []cli.Flag{m.study.storage.flag(), name,
			m.sampler.nameFlag("auto"), m.sampler.kwargsFlag(), m.sampler.seedFlag(),
			&cli.StringFlag{Name: "search-space", Destination: &m.space,
				Usage: "`JSON` object of distributions by parameter, as of ask, for studies without trials; " +
					"@FILE reads it from a file"},
			&cli.DurationFlag{Name: "lease", Destination: &m.lease, Value: time.Hour,
				Usage: "the `TIME` after which another worker may claim a trial that was neither reported nor told"},
			&cli.BoolFlag{Name: "read-only", Destination: &m.readOnly,
				Usage: "offer only the tools that read, and change nothing in the file"}},
		Action: action(m.run),
	}
}

// run serves until the client closes the input.
func (m *mcpCommand) run(ctx context.Context, con console) (err error) {
	if m.lease <= 0 {
		return usagef("--lease is %v, want above 0", m.lease)
	}
	if m.space == "@-" {
		return usagef("--search-space is @-, want a file: standard input is the agent's")
	}
	var dims []space.Dimension
	text, err := textOrFile(console{}, "search-space", m.space)
	if err == nil {
		if dims, err = searchspace.ParseJSON(text); err != nil {
			err = usagef("--search-space: %w", err)
		}
	}
	if err != nil {
		return err
	}
	if _, _, err := m.sampler.sampler(0); err != nil {
		return err
	}
	db, err := m.study.storage.open(ctx, con, access{readOnly: m.readOnly})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	a := &mcpAgent{db: db, con: con, only: m.study.name, sampler: m.sampler, space: dims, lease: m.lease,
		readOnly: m.readOnly, studies: map[mcpStudyKey]*mcpStudy{}, owners: map[mcpTrialKey]string{}}
	if m.study.name != "" {
		if _, err := a.open(ctx, ""); err != nil {
			return err // now, not at the first call
		}
	}
	if f, ok := con.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		con.logf("Waiting for an agent on standard input. An agent starts this program itself; see docs/mcp.md. " +
			"Ctrl-D ends it.")
	}
	server := mcp.NewServer(&mcp.Implementation{Name: "bluefin", Title: "Bluefin", Version: version(release)},
		&mcp.ServerOptions{Instructions: a.instructions(), Capabilities: &mcp.ServerCapabilities{},
			Logger: slog.New(slog.DiscardHandler)})
	a.server = server
	a.addTools(ctx)
	err = server.Run(ctx, mcpTransport{con.in, con.out})
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
