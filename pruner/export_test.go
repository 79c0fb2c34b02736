package pruner

import "github.com/bluefin-hpo/bluefin/trial"

// Brackets returns the number of brackets, 0 while MaxResource is not known.
func (p Hyperband) Brackets(h trial.History) int { return p.brackets(h).n }

// Bracket returns the bracket of a trial where MaxResource is set.
func (p Hyperband) Bracket(number int) int { return p.BracketIn(trial.History{}, number) }

// BracketIn returns the bracket of a trial, once MaxResource is known.
func (p Hyperband) BracketIn(h trial.History, number int) int { return p.brackets(h).Bracket(number) }
