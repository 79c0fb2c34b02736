package main

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// The help of every command fits 80 columns.
func TestHelpFits(t *testing.T) {
	var check func(commands []*cli.Command, parent []string)
	check = func(commands []*cli.Command, parent []string) {
		for _, cmd := range commands {
			path := append(parent[:len(parent):len(parent)], cmd.Name)
			var stdout, stderr bytes.Buffer
			if code := run(context.Background(), append(path, "--help"), &stdout, &stderr); code != 0 {
				t.Errorf("%q --help exits with %d: %s", path, code, &stderr)
			}
			for line := range strings.Lines(stdout.String()) {
				if n := len([]rune(line)) - 1; n > 80 {
					t.Errorf("%q --help has a line of %d columns: %s", path, n, line)
				}
			}
			if strings.Contains(stdout.String(), "--verbose") {
				t.Errorf("%q --help shows a flag that is hidden", path)
			}
			for _, f := range cmd.Flags {
				if r, ok := f.(cli.RequiredFlag); ok && r.IsRequired() {
					t.Errorf("%q: the parser looks for --%s, and says so in many lines and exits with 1", path, f.Names()[0])
				}
			}
			if !strings.Contains(stdout.String(), strings.Join(path, " ")) {
				t.Errorf("%q --help does not name its command: %s", path, &stdout)
			}
			check(cmd.Subcommands, path)
		}
	}
	check([]*cli.Command{{Name: "bluefin", Subcommands: newApp(io.Discard, io.Discard).Commands}}, nil)
}

// The help of finetune has each flag once, most used first.
func TestFinetuneHelp(t *testing.T) {
	cmd := new(finetuneCommand).define(80)
	for _, f := range cmd.Flags {
		name := f.Names()[0]
		if n := len(regexp.MustCompile(`(?m)^   --`+name+`\b[^-.]`).FindAllString(cmd.CustomHelpTemplate, -1)); n != 1 {
			t.Errorf("--%s is there %d times, want once", name, n)
		}
	}
	last := -1
	for _, what := range []string{"--train ", "--trials ", "--metric ", "--durability "} {
		at := strings.Index(cmd.CustomHelpTemplate, "   "+what)
		if at <= last {
			t.Errorf("%s stands at %d, after %d", what, at, last)
		}
		last = at
	}
}

// What looks like a template in a help text is shown as it is.
func TestHelpBraces(t *testing.T) {
	cmd := &cli.Command{Name: "x", Usage: "show {{.Name}}"}
	cmd.CustomHelpTemplate = helpText("x", cmd, nil, 80)
	var b bytes.Buffer
	cli.HelpPrinter(&b, cmd.CustomHelpTemplate, cmd)
	if !strings.Contains(b.String(), "show {{.Name}}") {
		t.Errorf("the help is %q", &b)
	}
}
