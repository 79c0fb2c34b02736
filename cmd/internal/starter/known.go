package starter

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A known parameter is one whose useful range is known from its name.
type known struct {
	names []string // the last part of the option's name, the first one Hugging Face's
	about string
	write func(o Option) string // the parameter in YAML; "": this option is not it
	prior string                // how far from the default good values are expected; "": nothing is believed
}

// knownParams are in the order of what matters most.
var knownParams = []known{
	{[]string{"learning_rate", "lr", "lr0"}, "the step size of the optimizer: the first to search",
		logRange(1e-6, 1e-3, 5e-5), "{sigma: 0.5 decade}"},
	{[]string{"per_device_train_batch_size", "batch_size", "train_batch_size", "batch"},
		"examples in a batch, limited by memory", batchSizes, "vague"},
	{[]string{"num_train_epochs", "epochs", "num_epochs", "n_epochs", "max_epochs"},
		"passes over the data", epochs, "{sigma: 25%}"},
	{[]string{"weight_decay"}, "pulls weights to zero", floats(0.3, 0.01), "{sigma: 25%}"},
	{[]string{"warmup_ratio"}, "the fraction of steps in which the learning rate rises", floats(0.3, 0.1), "{sigma: 25%}"},
	{[]string{"warmup_steps"},
		"the fraction of steps in which the learning rate rises (warmup_ratio before transformers 5)", warmupSteps, "{sigma: 25%}"},
	{[]string{"lr_scheduler_type", "lr_scheduler", "scheduler"}, "how the learning rate falls", schedules, "vague"},
	{[]string{"label_smoothing_factor", "label_smoothing"},
		"how much probability the other classes keep", floats(0.2, 0), ""},
	{[]string{"dropout", "dropout_rate", "hidden_dropout_prob", "classifier_dropout", "hidden_dropout",
		"attention_dropout"},
		"the fraction of activations that are dropped in training", floats(0.5, 0.1), "{sigma: 25%}"},
	{[]string{"lora_r", "lora_rank"}, "the rank of LoRA's matrices", powers(8, 64, 16), ""},
	{[]string{"lora_alpha"}, "the scale of LoRA's matrices", powers(8, 64, 16), ""},
	{[]string{"lora_dropout"}, "dropout before LoRA's matrices", floats(0.3, 0.05), ""},
	{[]string{"momentum", "sgd_momentum"}, "the memory of SGD", floats(0.99, 0.9), ""},
	{[]string{"optimizer", "opt"}, "", listed, ""},
}

// find returns what is known of an option.
func find(o Option) (k known, text string, ok bool) {
	parts := strings.Split(o.Name, ".")
	name := strings.ToLower(strings.ReplaceAll(parts[len(parts)-1], "-", "_"))
	for _, k := range knownParams {
		if slices.Contains(k.names, name) {
			text := k.write(o)
			if k.prior != "" && strings.Contains(text, "default: ") {
				text = strings.TrimSuffix(text, "}") + ", prior: " + k.prior + "}"
			}
			return k, text, text != ""
		}
	}
	return known{}, "", false
}

// number returns the default of an option, or another one if it has none.
func (o Option) number(otherwise float64) (x float64, hasDefault bool) {
	x, err := strconv.ParseFloat(o.Default, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		return otherwise, false
	}
	return x, true
}

// logRange goes from a hundredth to ten times the default, if that is outside of the usual range.
func logRange(low, high, usual float64) func(Option) string {
	return func(o Option) string {
		x, _ := o.number(usual)
		if x <= 0 {
			return ""
		}
		from, to := low, high
		if x < low || x > high {
			from, to = x/100, x*10
		}
		return fmt.Sprintf("{low: %s, high: %s, log: true, default: %s}", decimal(from), decimal(to), decimal(x))
	}
}

// floats begins at 0.
func floats(high, usual float64) func(Option) string {
	return func(o Option) string {
		x, _ := o.number(usual)
		if x < 0 || x > 1 {
			return ""
		}
		return fmt.Sprintf("{low: 0.0, high: %s, default: %s}", decimal(max(high, math.Min(2*x, 1))), decimal(x))
	}
}

func batchSizes(o Option) string {
	x, _ := o.number(16)
	n := int(x)
	if n < 1 || n > 1<<20 {
		return ""
	}
	sizes := []int{8, 16, 32}
	if n > 32 {
		sizes = []int{n / 2, n, 2 * n}
	}
	return choices(sizes, n)
}

func epochs(o Option) string {
	x, _ := o.number(3)
	n := int(x)
	if n < 1 || n > 1<<20 {
		return ""
	}
	return fmt.Sprintf("{low: 1, high: %d, default: %d}", max(5, 2*n), n)
}

func powers(low, high, usual int) func(Option) string {
	return func(o Option) string {
		x, _ := o.number(float64(usual))
		if x < 1 || x > 1<<20 || x != math.Trunc(x) {
			return ""
		}
		var all []int
		for n := low; n <= high; n *= 2 {
			all = append(all, n)
		}
		return choices(all, int(x))
	}
}

// choices adds n to a list.
func choices(all []int, n int) string {
	if !slices.Contains(all, n) {
		all = append(all, n)
	}
	slices.Sort(all)
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(all), " ", ", "), "[]")
	return fmt.Sprintf("{choices: [%s], default: %d}", list, n)
}

// warmupSteps is a fraction in Hugging Face's trainer since transformers 5.
func warmupSteps(o Option) string {
	if !strings.Contains(o.Help, "[0, 1)") && o.Help != "" {
		return ""
	}
	return floats(0.3, 0.1)(o)
}

func schedules(o Option) string {
	if o.Choices == nil && o.Name != "lr_scheduler_type" {
		return "" // a class, or whatever it is
	}
	usual := []string{"linear", "cosine", "constant_with_warmup"}
	if o.Choices != nil {
		usual = slices.DeleteFunc(usual, func(s string) bool { return !slices.Contains(o.Choices, s) })
	}
	x := o.Default
	if x == "" {
		x = "linear"
	}
	if !slices.Contains(usual, x) {
		usual = append(usual, x)
	}
	if len(usual) < 2 {
		return listed(o)
	}
	return words(usual, x)
}

// listed has the choices that the option has.
func listed(o Option) string {
	if len(o.Choices) < 2 || len(o.Choices) > 6 {
		return ""
	}
	x := o.Default
	if !slices.Contains(o.Choices, x) {
		x = ""
	}
	return words(o.Choices, x)
}

func words(all []string, byDefault string) string {
	quoted := make([]string, len(all))
	for i, w := range all {
		quoted[i] = scalar(w)
	}
	text := "{choices: [" + strings.Join(quoted, ", ") + "]"
	if byDefault != "" {
		text += ", default: " + scalar(byDefault)
	}
	return text + "}"
}

// decimal writes a float with a point or an exponent, so that it is one in YAML, too.
func decimal(x float64) string {
	text := strconv.FormatFloat(x, 'g', 6, 64)
	mantissa, exponent, ok := strings.Cut(text, "e")
	switch {
	case ok:
		sign, digits := exponent[:1], strings.TrimLeft(exponent[1:], "0")
		return mantissa + "e" + strings.TrimPrefix(sign, "+") + digits
	case !strings.Contains(text, "."):
		return text + ".0"
	}
	return text
}
