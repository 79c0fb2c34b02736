package sampler

import (
	"github.com/bluefin-hpo/bluefin/sampler/internal/belief"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/trial"
)

// BeliefsHold reports whether samplers use the beliefs after h. They ignore them while trials near
// what is believed are worse than others: docs/samplers.md has the rule. It is a function of the
// history, so beliefs may come back.
func BeliefsHold(h trial.History, beliefs space.Space) bool {
	return len(beliefs) == 0 || belief.Held(h, beliefs) != nil
}

// beliefFacts returns what the trials say about the beliefs of a request.
func beliefFacts(r Request) []Fact {
	if len(r.Beliefs) == 0 {
		return nil
	}
	held := 0.0
	if BeliefsHold(r.History, r.Beliefs) {
		held = 1
	}
	return []Fact{
		{"beliefs_used", held, "1 if draws use the beliefs of the study, 0 if the trials contradict them"},
		{"belief_contradiction", belief.Against(r.History, r.Beliefs), "Kendall's rank correlation between nearness to " +
			"the beliefs and loss, in standard deviations: from 0.5 on the beliefs are ignored"},
	}
}
