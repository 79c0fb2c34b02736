package main

import (
	"errors"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"
)

// A choice is the value of a flag that takes one of some words. The parser refuses others, so
// commands need not check.
type choice struct {
	word    *string
	allowed []string
}

// Set implements cli.Generic.
func (c choice) Set(word string) error {
	if !slices.Contains(c.allowed, word) {
		return errors.New("not allowed") // parseError replaces it
	}
	*c.word = word
	return nil
}

// String implements cli.Generic.
func (c choice) String() string {
	if c.word == nil { // package flag makes a zero value
		return ""
	}
	return *c.word
}

// choiceFlag returns a flag that takes one of the allowed words, of which the first is the default.
func choiceFlag(word *string, name, usage string, allowed ...string) *cli.GenericFlag {
	// The parser does not set the default of such a flag.
	*word = allowed[0]
	return &cli.GenericFlag{Name: name, Value: choice{word, allowed}, DefaultText: strconv.Quote(allowed[0]),
		Usage: usage}
}
