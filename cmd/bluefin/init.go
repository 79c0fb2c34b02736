package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/cmd/internal/starter"
)

// initCommand writes a first study.yaml.
type initCommand struct {
	file    string
	force   bool
	timeout time.Duration
	args    []string // the program and its arguments
}

func (i *initCommand) define() *cli.Command {
	return &cli.Command{
		Name:      "init",
		Usage:     "write a first study.yaml for tune -f",
		ArgsUsage: "[-- PROGRAM [ARGUMENT…]]",
		Description: "Without a program, the file searches the usual parameters of fine-tuning, under the\n" +
			"names of Hugging Face's trainer. With one, `PROGRAM ARGUMENT… --help` runs, and the\n" +
			"file searches the options that it shows, as far as their ranges are known by their\n" +
			"names. Others are there as comments. The defaults become trial 0.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Destination: &i.file, Value: "study.yaml",
				Usage: "the `FILE` to write"},
			&cli.BoolFlag{Name: "force", Destination: &i.force, Usage: "overwrite the file"},
			&cli.DurationFlag{Name: "help-timeout", Destination: &i.timeout, Value: 2 * time.Minute,
				Usage: "how much `TIME` the program has to show its help"},
		},
		Before: func(c *cli.Context) error {
			i.args = c.Args().Slice()
			return nil
		},
		Action: action(i.run),
	}
}

func (i *initCommand) run(ctx context.Context, con console) error {
	if i.timeout <= 0 {
		return usagef("--help-timeout is %v, want above 0", i.timeout)
	}
	if i.file == "" {
		return usagef("--file is empty, want a path")
	}
	if len(i.args) > 0 && i.args[0] == "--" {
		i.args = i.args[1:]
	}
	if _, err := os.Lstat(i.file); err == nil && !i.force { // before the program runs
		return fmt.Errorf("%s exists: want another --file, or --force to overwrite it", i.file)
	}
	var options []starter.Option
	if len(i.args) > 0 {
		ended := make(chan struct{})
		help, err := phase(ctx, con, "reading the help of the program", "Reading the help of the program …",
			func() (string, error) {
				defer close(ended)
				return programHelp(ctx, i.args, i.timeout)
			})
		if <-ended; err != nil { // no process is left
			return err
		}
		if options = starter.ParseHelp(help); len(options) == 0 {
			return fmt.Errorf("%s --help shows no options with values: write study.yaml by hand, or without the program "+
				"by bluefin init", message.Visible(i.args[0]))
		}
	}
	if err := i.write([]byte(starter.Text(i.args, options))); err != nil {
		return err
	}
	con.logf("Wrote %s. Look at its command, metric and ranges, then:\n  bluefin tune -f %s", i.file, shellWord(i.file))
	return nil
}

// write writes the file whole or not at all.
func (i *initCommand) write(text []byte) error {
	if i.force {
		if database, err := isDatabase(i.file); err != nil || database {
			return cmp.Or(err, fmt.Errorf("%s is a database, want another --file", i.file))
		}
		info, err := os.Stat(i.file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return replaceFile(i.file, info, func(w io.Writer) error { _, err := w.Write(text); return err })
	}
	f, err := os.OpenFile(i.file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		_ = os.Remove(i.file) // a part of it would be taken for all
	}
	return err
}

// longestHelp is how much of the help is read, in bytes.
const longestHelp = 4 << 20

// programHelp returns what a program prints with --help, whatever its exit code.
func programHelp(ctx context.Context, args []string, timeout time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], append(append([]string{}, args[1:]...), "--help")...)
	cmd.Env = append(os.Environ(), "COLUMNS=120", "NO_COLOR=1", "TERM=dumb")
	cmd.WaitDelay = time.Second
	killGroup(cmd)
	var out limitedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s --help has not ended after %v", args[0], timeout)
	case errors.As(err, new(*exec.ExitError)), err == nil:
		return out.String(), nil
	}
	return "", fmt.Errorf("program %q: %w", args[0], errors.Unwrap(err))
}

// A limitedBuffer drops what comes after its limit.
type limitedBuffer struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	_, _ = b.Buffer.Write(p[:min(len(p), max(0, longestHelp-b.Len()))])
	return len(p), nil
}
