package main

import (
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

// A flagGroup is a section of the help.
type flagGroup struct {
	title string
	flags []cli.Flag
}

// helpWidth returns the width of help on w.
func helpWidth(w io.Writer) int {
	if d, ok := w.(*dataWriter); ok && d.terminal {
		return widthOf(w)
	}
	return 80 // of most pagers and terminals
}

// helpText returns the help of the command that is typed as name: its flags by groups, in order,
// wrapped at a width. The parser's own help wraps nothing and sorts all.
func helpText(name string, cmd *cli.Command, groups []flagGroup, width int) string {
	const indent, column = 3, 29 // where flags and their descriptions start
	// A narrower terminal breaks the lines itself; below this every word would have its own.
	width = max(width, column+30)
	var b strings.Builder
	paragraph := func(text string) {
		for _, line := range wrapped(text, width-indent) {
			b.WriteString("   " + line + "\n")
		}
	}
	b.WriteString("NAME:\n")
	paragraph("bluefin " + name + " - " + cmd.Usage)
	b.WriteString("\nUSAGE:\n   " + strings.TrimSpace("bluefin "+name+" [options] "+cmd.ArgsUsage) + "\n")
	if cmd.Description != "" {
		b.WriteString("\nDESCRIPTION:\n")
		for _, text := range paragraphs(cmd.Description) {
			// Indented lines are examples and stay as they are.
			if strings.HasPrefix(text, " ") {
				b.WriteString("   " + text + "\n")
			} else {
				paragraph(text)
			}
		}
	}
	for _, g := range groups {
		b.WriteString("\n" + strings.ToUpper(g.title) + ":\n")
		for _, f := range g.flags {
			// Hidden flags are accepted for scripts and not advertised.
			if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() {
				continue
			}
			// The parser separates flag and description by a tab.
			name, usage, _ := strings.Cut(f.String(), "\t")
			lines := wrapped(strings.TrimSpace(usage), width-column)
			head := strings.Repeat(" ", indent) + strings.TrimSpace(name)
			// A long flag has a line of its own.
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
	return strings.ReplaceAll(b.String(), "{{", `{{"{{"}}`) // it is a template
}

// paragraphs joins the lines of text, except indented ones.
func paragraphs(text string) (all []string) {
	for line := range strings.SplitSeq(text, "\n") {
		if last := len(all) - 1; last >= 0 && !strings.HasPrefix(line, " ") && !strings.HasPrefix(all[last], " ") {
			all[last] += " " + line
		} else {
			all = append(all, line)
		}
	}
	return all
}

// wrapped splits text into lines of at most width bytes; longer words get their own.
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
