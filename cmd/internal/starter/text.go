package starter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// SchemaURL is where editors find the schema of study.yaml.
const SchemaURL = "https://raw.githubusercontent.com/bluefin-hpo/bluefin/main/docs/study.schema.json"

// mostComments is how many unknown options are shown.
const mostComments = 40

// mostNames is how many options without a default are named. A script with more is one of a framework.
const mostNames = 5

// Text returns a commented study.yaml for a command. The options are those of its --help; without any, the
// usual parameters of fine-tuning are searched, under the names of Hugging Face's trainer. Options that
// the command sets already are left alone.
func Text(command []string, options []Option) string {
	options = slices.DeleteFunc(slices.Clone(options), func(o Option) bool { return isSet(command, o.Name) })
	var b strings.Builder
	fmt.Fprintf(&b, "# yaml-language-server: $schema=%s\n", SchemaURL)
	b.WriteString("# What bluefin tune -f FILE does. Everything that it can have: docs/study-yaml.md\n\n")
	b.WriteString("# {trial_dir} is a folder of the trial's own. Each parameter is appended as --name value.\n")
	fmt.Fprintf(&b, "command: [%s]\n\n", strings.Join(quoted(complete(command, options)), ", "))
	b.WriteString("# The number to improve, as the program prints or writes it.\n")
	fmt.Fprintf(&b, "metrics:\n  - {name: %s, direction: minimize}\n\n", metric(options))
	b.WriteString("# What is searched. The defaults are trial 0, and good values are probably near them (prior).\n")
	b.WriteString("parameters:\n")
	rest := params(&b, options)
	comments(&b, rest)
	b.WriteString(`
# With --save_strategy epoch, a trial that was killed resumes from its last checkpoint:
# resume: hf

# Expressions that hold for every trial, and parameters of trials that run first:
# constraints: ["learning_rate * per_device_train_batch_size < 0.01"]
# enqueue: [{learning_rate: 2e-5}]

# auto chooses the sampler. The pruner stops trials whose metric falls behind those before.
sampler: auto
pruner: median

# When the search ends. Run the same command again to resume it.
budget:
  trials: 30
  # time: 8h
  # no_improvement: 20
  # cost: 20h

# How many trials run at once: a number, or one for each GPU.
# slots: {gpus: all}

# What follows when the program fails. Out of memory is infeasible by default: samplers avoid it.
# failures:
#   - {match: "Connection reset", do: retry, retries: 2}
`)
	return b.String()
}

// params writes the known options, and returns the others.
func params(b *strings.Builder, options []Option) (rest []Option) {
	written := map[string]string{}
	if len(options) == 0 {
		for _, name := range []string{"learning_rate", "per_device_train_batch_size", "num_train_epochs", "weight_decay",
			"warmup_steps", "lr_scheduler_type", "label_smoothing_factor"} {
			options = append(options, Option{Name: name})
		}
	}
	names := map[string]string{}
	for _, o := range options {
		k, text, ok := find(o)
		if _, twice := written[k.first()]; !ok || twice {
			rest = append(rest, o)
			continue
		}
		written[k.first()], names[k.first()] = text, o.Name
	}
	for _, k := range knownParams {
		text, ok := written[k.first()]
		if !ok {
			continue
		}
		if k.about != "" {
			fmt.Fprintf(b, "  # %s\n", k.about)
		}
		fmt.Fprintf(b, "  %s: %s\n", scalar(names[k.first()]), text)
	}
	if len(written) == 0 {
		b.WriteString("  # None of the options is known: write the ranges of those that you want to search.\n")
		b.WriteString("  seed: {low: 0, high: 1000}\n")
	}
	return rest
}

// first is the usual name, "" if there is none.
func (k known) first() string { return strings.Join(k.names[:min(1, len(k.names))], "") }

// dull are the beginnings of options that do not change what is learned.
var dull = []string{"log", "save_", "eval_", "hub_", "ddp_", "dataloader_", "local_rank", "per_device_eval", "seed"}

// comments proposes ranges for numbers and choices that are not known, and names the options of which the
// help shows too little for that.
func comments(b *strings.Builder, options []Option) {
	n := 0
	var bare []string
	for _, o := range options {
		x, numeric := o.number(0)
		if !numeric && o.Choices == nil && o.Default == "" && len(o.Name) < 30 {
			bare = append(bare, o.Name)
		}
		few := len(o.Choices) > 1 && len(o.Choices) <= 6 && len(strings.Join(o.Choices, ", ")) < 100
		if !numeric && !few || slices.ContainsFunc(dull, func(p string) bool { return strings.HasPrefix(o.Name, p) }) {
			continue
		}
		if n++; n == 1 {
			b.WriteString("  # Other options, with ranges around their defaults, or their choices:\n")
		}
		if n > mostComments {
			continue
		}
		text := ""
		switch {
		case few:
			text = "[" + strings.Join(quoted(o.Choices), ", ") + "]"
		case !strings.ContainsAny(o.Default, ".eE") && x > 0:
			text = fmt.Sprintf("%d..%d", max(int(x)/2, 1), 2*int(x))
		case x > 0:
			text = fmt.Sprintf("%s..%s:log", decimal(x/10), decimal(widened(x)))
		case !strings.ContainsAny(o.Default, ".eE"):
			text = "0..10"
		default:
			text = "0.0..1.0"
		}
		fmt.Fprintf(b, "  # %s: %s\n", scalar(o.Name), text)
	}
	if n > mostComments {
		fmt.Fprintf(b, "  # … and %d more: see --help\n", n-mostComments)
	}
	if len(bare) > 0 && len(bare) <= mostNames {
		fmt.Fprintf(b, "  # Options without a shown default: %s\n", strings.Join(bare, ", "))
	}
}

// widened is ten times a number, but at most 1 for one below 1, which most likely is a fraction.
func widened(x float64) float64 {
	if x < 1 {
		return min(10*x, 1)
	}
	return 10 * x
}

// metric guesses the metric: the Hugging Face trainer has options of its own.
func metric(options []Option) string {
	if len(options) == 0 || hasOption(options, "eval_strategy") {
		return "eval_loss"
	}
	if slices.ContainsFunc(options, func(o Option) bool { return strings.HasPrefix(o.Name, "trainer.") }) {
		return "val_loss"
	}
	return "loss"
}

// complete adds to a command of the Hugging Face trainer what a search needs: a folder of the trial's own,
// and an evaluation after each epoch.
func complete(command []string, options []Option) []string {
	if len(command) == 0 {
		return []string{"python", "train.py", "--output_dir", "{trial_dir}", "--eval_strategy", "epoch"}
	}
	command = slices.Clone(command)
	for _, add := range [][2]string{{"output_dir", "{trial_dir}"}, {"eval_strategy", "epoch"}} {
		if hasOption(options, add[0]) {
			command = append(command, "--"+add[0], add[1])
		}
	}
	return command
}

func hasOption(options []Option, name string) bool {
	return slices.ContainsFunc(options, func(o Option) bool { return o.Name == name })
}

// isSet reports whether a command has an option, also under its name with dashes.
func isSet(command []string, name string) bool {
	plain := func(s string) string { return strings.ReplaceAll(s, "-", "_") }
	return slices.ContainsFunc(command, func(arg string) bool {
		given, ok := strings.CutPrefix(arg, "--")
		given, _, _ = strings.Cut(given, "=")
		return ok && plain(given) == plain(name)
	})
}

func quoted(words []string) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = scalar(w)
	}
	return all
}

// scalar writes a text as YAML reads it back within a list.
func scalar(text string) string {
	var v any
	plain := !strings.ContainsAny(text, "{}[],&*#?|<>=!%@\\\"'`:\n\t") && text != "" && strings.TrimSpace(text) == text
	if err := yaml.Unmarshal([]byte(text), &v); plain && err == nil && v == any(text) && !strings.HasPrefix(text, "- ") {
		return text
	}
	return strconv.Quote(text)
}
