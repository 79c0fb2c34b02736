// Package prunertest is the conformance suite for pruners. A failure message states the rule that
// was broken. A test of a custom pruner is one line:
//
//	func TestConforms(t *testing.T) { prunertest.Run(t, func() pruner.Pruner { return Mine{} }) }
//
// If the pruner compares reports, call Compares too: it checks both directions. The suite also asks
// about trials without reports, which the engine never does.
package prunertest

import (
	"testing"

	"github.com/bluefin-hpo/bluefin/pruner"
)

// Run checks the rules that hold for every pruner. newPruner returns a fresh one with the same
// settings every time. Run it with the race detector too.
func Run(t *testing.T, newPruner func() pruner.Pruner) { run(t, newPruner, always()) }

// Compares checks that a pruner distinguishes good trials from bad ones. It is for pruners that
// compare reports, and not for those that look for fixed values, such as NaN or a limit.
func Compares(t *testing.T, newPruner func() pruner.Pruner) { run(t, newPruner, comparing()) }

// A rule is what check tests.
type rule struct {
	name  string
	check func(testing.TB, func() pruner.Pruner)
}

// run is a test for each rule, so a failure names the rule.
func run(t *testing.T, newPruner func() pruner.Pruner, rules []rule) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) { r.check(t, newPruner) })
	}
}

// always are the rules of the contract.
func always() []rule {
	return []rule{
		{"every study of one objective is served", testServes},
		{"the same question gets the same verdict", testSameVerdict},
		{"the history and the trial are not modified", testUnmodified},
		{"goroutines do not disturb each other", testConcurrent},
		{"a trial does not compete with itself", testNotItself},
		{"attributes are JSON", testAttrs},
		{"brackets follow from the history", testBrackets},
		{"several objectives are served or refused", testObjectives},
	}
}

// comparing are the rules of pruners that judge by other trials.
func comparing() []rule {
	return []rule{
		{"maximizing f is minimizing -f", testDirections},
		{"the best trial is not stopped", testSparesTheBest},
		{"the worst trial is stopped", testStopsTheWorst},
	}
}
