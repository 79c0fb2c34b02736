package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// A flagGroup is a part of a long list of flags.
type flagGroup struct {
	title string
	flags []cli.Flag
}

// groupedHelp returns the help of a command by groups of its flags, in their
// order, wrapped at a width: the parser's own sorts them by the alphabet.
func groupedHelp(cmd *cli.Command, groups []flagGroup, width int) string {
	const indent, column = 3, 29 // of the flags, and of what they are for
	width = max(width, column+30)
	var b strings.Builder
	b.WriteString("NAME:\n   bluefin " + cmd.Name + " - " + cmd.Usage + "\n\nUSAGE:\n   bluefin " + cmd.Name + " [options]\n\nDESCRIPTION:\n")
	for line := range strings.Lines(cmd.Description) {
		b.WriteString("   " + line)
	}
	b.WriteString("\n")
	for _, g := range groups {
		b.WriteString("\n" + strings.ToUpper(g.title) + ":\n")
		for _, f := range g.flags {
			name, usage, _ := strings.Cut(f.String(), "\t")
			lines := wrapped(strings.TrimSpace(usage), width-column)
			head := strings.Repeat(" ", indent) + strings.TrimSpace(name)
			if len(head)+2 > column {
				b.WriteString(head + "\n")
				head = ""
			}
			for _, line := range lines {
				b.WriteString(head + strings.Repeat(" ", column-len(head)) + line + "\n")
				head = ""
			}
		}
	}
	return b.String()
}

// wrapped returns text in lines of at most so many bytes, but for longer words.
func wrapped(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len(*last)+1+len(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
