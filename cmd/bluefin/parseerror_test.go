package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// mistake runs a command line that is wrong, and returns its message.
func mistake(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), append([]string{"bluefin"}, args...), &stdout, &stderr)
	want := exitUsage
	if args[0] == "worker" { // which ends with codes for schedulers
		want = exitNever
	}
	if code != want || stdout.Len() > 0 || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("bluefin %s: exit code %d, %q and %q, want %d and one line", strings.Join(args, " "), code, stdout.String(), stderr.String(), want)
	}
	return stderr.String()
}

// leaves calls f with the words of each command that has none below it.
func leaves(commands []*cli.Command, parent []string, f func(words []string, cmd *cli.Command)) {
	for _, cmd := range commands {
		words := append(parent[:len(parent):len(parent)], cmd.Name)
		if leaves(cmd.Subcommands, words, f); len(cmd.Subcommands) == 0 {
			f(words, cmd)
		}
	}
}

// Each flag of each command says what it wants instead of a value that it does
// not take, and instead of none.
func TestEachFlagSaysWhatItWants(t *testing.T) {
	t.Chdir(t.TempDir())
	lists := map[string]bool{"format": true, "sampler": true, "pruner": true, "durability": true, "orphans": true,
		"metric": true, "fidelity": true, "task": true, "state": true, "direction": true, "directions": true}
	leaves(newApp(nil, nil).Commands, nil, func(words []string, cmd *cli.Command) {
		for _, f := range cmd.Flags {
			name := f.Names()[0]
			var want string
			switch f.(type) {
			case *cli.IntFlag, *cli.Uint64Flag, *cli.Float64Flag, *cli.Float64SliceFlag, *cli.DurationFlag, *cli.BoolFlag:
				want = `want (a whole number|a whole number of at least 0|a number|a time like 10m or 1h30m|true or false)`
			case *cli.StringFlag, *cli.StringSliceFlag:
				if lists[name] && !(cmd.Name == "tune" && name == "metric") { // which is any name
					want = `want (one of .+|minimize or maximize)`
				}
			case *cli.GenericFlag: // --rehearse, --dashboard and choices
				want = `want (it alone or =only|it alone or =HOST:PORT of this machine|one of .+)`
			default:
				t.Errorf("bluefin %s: --%s is a %T: say in wanted what it takes", strings.Join(words, " "), name, f)
			}
			if want != "" {
				args := append(words[:len(words):len(words)], "--"+name+"=junk")
				if cmd.Name == "tell" {
					args = append(args, "--trial-number=0")
				}
				if cmd.Name == "tune" {
					args = append(args, "--metric=loss", "x=1..2", "--", "true")
				}
				if name == "trial-number" && cmd.Name == "tell" {
					args = args[:len(args)-1]
				}
				want := fmt.Sprintf(`^bluefin: --%s is "junk", %s \(see bluefin %s --help\)\n$`, name, want, strings.Join(words, " "))
				if got := mistake(t, args...); !regexp.MustCompile(want).MatchString(got) {
					t.Errorf("bluefin %s: got %q, want %s", strings.Join(args, " "), got, want)
				}
			}
			if _, alone := f.(*cli.BoolFlag); !alone && name != "rehearse" && name != "dashboard" {
				want := fmt.Sprintf(`^bluefin: --%s has no value, want (a |one of |--%[1]s [A-Z=:/]+ \()`, name)
				if got := mistake(t, append(words[:len(words):len(words)], "--"+name)...); !regexp.MustCompile(want).MatchString(got) {
					t.Errorf("bluefin %s --%s: got %q, want %s", strings.Join(words, " "), name, got, want)
				}
			}
		}
	})
}

func TestDidYouMean(t *testing.T) {
	for args, want := range map[string]string{
		"fintune":                "did you mean finetune?",
		"bset-trial":             "did you mean best-trial?",
		"Trials":                 "did you mean trials?",
		"xyzzy":                  `"xyzzy" (see`,
		"storage bakup":          "did you mean storage backup?",
		"finetune --trails 3":    "did you mean --trials?",
		"finetune --sead=3":      "did you mean --seed?",
		"trials --fromat json":   "did you mean --format?",
		"trials --xyzzy":         "--xyzzy (see",
		"tell --value 3":         "did you mean --values?",
		"--storage s.db trials":  "want bluefin COMMAND --storage (see",
		"export -o a --output b": "-o and --output are one flag, want it once (see",
		"finetune --seed 1e30":   `--seed is "1e30", want a whole number of at least 0 (see`,
		"finetune --seed " + strings.Repeat("9", 30): "want a whole number of at least 0 within 64 bits (see",
	} {
		if got := mistake(t, strings.Fields(args)...); !strings.Contains(got, want) {
			t.Errorf("bluefin %s: got %q, want %q", args, got, want)
		}
	}
}
