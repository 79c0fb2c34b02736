package main

import (
	"context"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/pythonhook"
)

// pythonHookCommand prints the Python module with which scripts report to tune.
type pythonHookCommand struct{ output outputFlags }

func (p *pythonHookCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "python-hook",
		Usage: "print a Python module that reports exact values to tune",
		Description: "Save it as bluefin_hook.py beside the script. It has callbacks for the Hugging Face trainer and for " +
			"Lightning, and report(step, value) for a plain loop; its first lines show how. It needs only the standard " +
			"library, and does nothing unless `bluefin tune` runs the script. Wheels of Bluefin contain it.",
		Flags:  p.output.flags(),
		Action: action(p.run),
	}
}

func (p *pythonHookCommand) run(_ context.Context, con console) error {
	file, err := p.output.write(con, "", []byte(pythonhook.Source))
	if err == nil && file {
		con.logf("Wrote %s.", p.output.path)
	}
	return err
}
