package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

// The messages of the flag parser.
var (
	unknownFlag = regexp.MustCompile(`^flag provided but not defined: -+(.*)$`)
	badValue    = regexp.MustCompile(`(?s)^invalid (?:boolean )?value "(.*)" for (?:flag )?-+([^:]*): (.*)$`)
	noValue     = regexp.MustCompile(`^flag needs an argument: -+(.*)$`)
	twoForms    = regexp.MustCompile(`^Cannot use two forms of the same flag: (\S+) (\S+)$`)
	badSyntax   = regexp.MustCompile(`^bad flag syntax: (.*)$`)
)

// parseError rewrites a message of the flag parser so that it names the flag, its value and what is
// allowed. The parser offers no other way to tell its errors apart.
func parseError(c *cli.Context, err error, command string) error {
	text := err.Error()
	if m := unknownFlag.FindStringSubmatch(text); m != nil {
		text = unknownFlagText(c, m[1])
	} else if m := badValue.FindStringSubmatch(text); m != nil {
		f := flagOf(c, m[2])
		text = fmt.Sprintf("%s is %q, want %s", dashed(f.Names()[0]), m[1], wanted(f))
		// Otherwise a number would be refused as not being one.
		if strings.Contains(m[3], "out of range") {
			text += " within 64 bits"
		}
	} else if m := noValue.FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("%s has no value, want %s", dashed(m[1]), wanted(flagOf(c, m[1])))
	} else if m := twoForms.FindStringSubmatch(text); m != nil {
		// -f and --format both.
		text = fmt.Sprintf("%s and %s are one flag, want it once", dashed(m[1]), dashed(m[2]))
	} else if m := badSyntax.FindStringSubmatch(text); m != nil {
		text = fmt.Sprintf("%q is not a flag, want --NAME or --NAME=VALUE", m[1])
	}
	return usageError{errors.New(text), command}
}

// dashed writes a flag as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// flagOf returns the flag of a command by any of its names.
func flagOf(c *cli.Context, name string) cli.Flag {
	for _, f := range c.Command.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// placeholder matches the word for a flag's value in its help.
var placeholder = regexp.MustCompile("`(.*?)`")

// wanted describes the values that a flag takes.
func wanted(f cli.Flag) string {
	switch f := f.(type) {
	case *cli.IntFlag:
		return "a whole number"
	case *cli.Uint64Flag:
		return "a whole number of at least 0"
	case *cli.Float64Flag, *cli.Float64SliceFlag:
		return "a number"
	case *cli.DurationFlag:
		return "a time like 10m or 1h30m"
	case *cli.BoolFlag:
		return "true or false"
	case *cli.GenericFlag:
		if c, ok := f.Value.(choice); ok {
			return "one of " + strings.Join(c.allowed, ", ")
		}
		if _, ok := f.Value.(*addressFlag); ok {
			return "it alone or =HOST:PORT of this machine"
		}
		return "it alone or =only" // --rehearse
	case *cli.StringFlag, *cli.StringSliceFlag:
		// The help has the word in backquotes, such as `FILE`.
		if m := placeholder.FindStringSubmatch(f.(cli.DocGenerationFlag).GetUsage()); m != nil {
			return dashed(f.Names()[0]) + " " + m[1]
		}
	}
	return "a value"
}

// unknownFlagText reports an unknown flag, and the one that was probably meant.
func unknownFlagText(c *cli.Context, name string) string {
	text := "unknown flag " + dashed(name)
	// Before a command only its own flags count; say where the flag belongs.
	if name, _, _ := strings.Cut(name, "="); c.Command.Name == c.App.Name {
		for _, cmd := range c.App.Commands {
			if slices.Contains(flagNames(cmd.Flags), name) {
				return fmt.Sprintf("%s before the command, want bluefin COMMAND %s", text, dashed(name))
			}
		}
	}
	return didYouMean(text, name, flagNames(c.Command.Flags), dashed)
}

// flagNames returns all names of flags.
func flagNames(flags []cli.Flag) (names []string) {
	for _, f := range flags {
		names = append(names, f.Names()...)
	}
	return names
}

// unknownCommand reports that the first argument is not a command. parent comes before it, with a space
// at its end.
func unknownCommand(c *cli.Context, parent string) error {
	commands := c.App.Commands
	if parent != "" {
		commands = c.Command.Subcommands
	}
	var names []string
	for _, cmd := range commands {
		names = append(names, cmd.Name)
	}
	name := c.Args().First()
	unknown := fmt.Sprintf("unknown command %q", parent+name)
	text := didYouMean(unknown, name, names, func(name string) string { return parent + name })
	if text == unknown && parent != "" {
		text += ", want one of " + strings.Join(names, ", ")
	}
	return usageError{errors.New(text), parent}
}

// didYouMean adds to a message the known name that is most similar to the typed one, if any is.
func didYouMean(text, typed string, known []string, show func(string) string) string {
	const alike = 0.85 // of 1, for equal names
	similarity := func(name string) float64 {
		// It weighs the start of a word, where people rarely mistype. 0.7 and 4 are its usual
		// constants.
		return smetrics.JaroWinkler(strings.ToLower(name), strings.ToLower(typed), 0.7, 4)
	}
	known = slices.DeleteFunc(slices.Clone(known),
		// Letters resemble nothing.
		func(name string) bool { return len(name) == 1 || similarity(name) < alike })
	if len(known) == 0 {
		return text
	}
	best := slices.MaxFunc(known, func(a, b string) int { return cmp.Compare(similarity(a), similarity(b)) })
	return fmt.Sprintf("%s, did you mean %s?", text, show(best))
}
