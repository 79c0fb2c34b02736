// Package starter writes a first study.yaml for a program: a template with the usual parameters of
// fine-tuning, or one with the options that the program's --help shows.
package starter

import (
	"regexp"
	"slices"
	"strings"
)

// An Option is what a program's --help says about an option that takes a value.
type Option struct {
	Name    string   // without the dashes
	Choices []string // nil: any value
	Default string   // "": unknown
	Help    string   // what it is, in one line
}

var (
	ansi       = regexp.MustCompile(`\x1b\[[0-9;]*[A-Za-z]`)
	optionLine = regexp.MustCompile(`^ {1,12}-`)
	longName   = regexp.MustCompile(`--([A-Za-z][\w.-]*)`)
	metavar    = regexp.MustCompile(`^(?:<[^>]+>|\[[^\]]+\]|\{[^}]+\}|[A-Z][A-Z_.0-9]*)(?:\s|$)`)
	braces     = regexp.MustCompile(`\{([^{}]+)\}`)
	bars       = regexp.MustCompile(`[\[<]([^\[\]<>|]+(?:\|[^\[\]<>|]+)+)[\]>]`)
	shown      = regexp.MustCompile(`(?i)[(\[](?:type: [^)]*?, )?default(?: is)?[:=]? *([^),\]]*)[^)\]]*[)\]]`)
	gap        = regexp.MustCompile(`\s{2,}`)
)

// ParseHelp returns the options in the output of --help, as argparse (also that of HfArgumentParser and
// jsonargparse), click, typer and most others write it.
func ParseHelp(text string) []Option {
	var all []Option
	header, help := "", ""
	end := func() {
		o, ok := newOption(header, help)
		if ok && !slices.ContainsFunc(all, func(p Option) bool { return p.Name == o.Name }) {
			all = append(all, o)
		}
		header, help = "", ""
	}
	for line := range strings.Lines(ansi.ReplaceAllString(text, "")) {
		line = strings.TrimRight(strings.Trim(strings.TrimRight(line, " \r\n"), "│|"), " ")
		switch {
		case optionLine.MatchString(line):
			end()
			header, help = split(strings.TrimSpace(line))
		case header != "" && strings.HasPrefix(line, "          "):
			help += " " + strings.TrimSpace(line)
		default:
			end()
		}
	}
	end()
	return all
}

// split splits a line into the names with their metavariables and the help.
func split(line string) (header, help string) {
	parts := gap.Split(line, -1)
	header = parts[0]
	for i, part := range parts[1:] {
		isHelp := strings.HasPrefix(part, "[default") || strings.HasPrefix(part, "[required")
		if isHelp || !strings.HasPrefix(part, "-") && !metavar.MatchString(part) || i > 2 {
			return header, strings.Join(parts[i+1:], " ")
		}
		header += " " + part
	}
	return header, ""
}

// newOption returns false for options without a value, such as --help.
func newOption(header, help string) (o Option, ok bool) {
	name := longName.FindStringSubmatchIndex(header)
	if name == nil {
		return o, false
	}
	o.Name = header[name[2]:name[3]]
	last := longName.FindAllStringIndex(header, -1)
	value := strings.TrimLeft(header[last[len(last)-1][1]:], " =,")
	if value == "" || value == "<bool>" {
		return o, false
	}
	if list := braces.FindStringSubmatch(header); list != nil {
		o.Choices = strings.Split(list[1], ",")
	} else if list := bars.FindStringSubmatch(header); list != nil {
		o.Choices = strings.Split(list[1], "|")
	}
	o.Help = strings.Join(strings.Fields(help), " ")
	if found := shown.FindStringSubmatchIndex(o.Help); found != nil {
		o.Default = strings.Trim(strings.TrimSpace(o.Help[found[2]:found[3]]), `'"`)
		o.Help = strings.TrimSpace(o.Help[:found[0]] + o.Help[found[1]:])
	}
	if slices.Contains([]string{"None", "none", "null", "required"}, o.Default) {
		o.Default = ""
	}
	return o, true
}
