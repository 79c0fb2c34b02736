package nn

import (
	"fmt"
	"path"
	"strings"
)

// Freeze freezes the parameters whose names match a pattern of path.Match, in
// which * stands for any text without a slash: "encoder.layer.[0-3].*", or "*"
// for all. It returns how many match; it is an error if none does or the
// pattern is malformed.
func Freeze(params []*Param, pattern string) (n int, err error) {
	for _, p := range params {
		ok, err := path.Match(pattern, p.Name)
		if err != nil {
			return 0, fmt.Errorf("freezing %q: %w", pattern, err)
		}
		if ok {
			p.Frozen = true
			n++
		}
	}
	if n == 0 {
		return 0, fmt.Errorf("freezing %q: no parameter has such a name: there are %d, such as %q", pattern, len(params), names(params))
	}
	return n, nil
}

// BitFit freezes all parameters but the biases, those whose names end in .bias.
// A head, which starts from nothing, is better left out. E. Ben Zaken,
// S. Ravfogel, Y. Goldberg, "BitFit: Simple Parameter-efficient Fine-tuning for
// Transformer-based Masked Language-models", 2022. It returns the number of
// biases; it is an error if there is none, and then nothing is frozen.
func BitFit(params []*Param) (biases int, err error) {
	for _, p := range params {
		if bias(p) {
			biases++
		}
	}
	if biases == 0 {
		return 0, fmt.Errorf("there is no bias to train alone: there are %d parameters, such as %q", len(params), names(params))
	}
	for _, p := range params {
		p.Frozen = p.Frozen || !bias(p)
	}
	return biases, nil
}

func bias(p *Param) bool { return strings.HasSuffix(p.Name, ".bias") }

// Count returns how many numbers the parameters have, and how many of them
// train.
func Count(params []*Param) (all, train int) {
	for _, p := range params {
		all += len(p.Value)
		if p.Trains() {
			train += len(p.Value)
		}
	}
	return all, train
}

// names returns the names of the first parameters.
func names(params []*Param) (some []string) {
	for _, p := range params[:min(len(params), 3)] {
		some = append(some, p.Name)
	}
	return some
}
