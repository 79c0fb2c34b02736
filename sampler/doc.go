// Package sampler holds the algorithms that choose what to try next: one
// struct each, whose fields are its settings and whose zero value is the
// documented default.
//
// A sampler gets the facts of a study with every request and never the study
// itself. All randomness comes from the request, so the same request gets the
// same answer, from any goroutine and in any order. What a sampler keeps
// between requests is a cache of what the history says and nothing more.
//
// Samplers work in the unit cube, through space.Dist's Unit, Value and Cell.
// All of them are safe for concurrent use.
package sampler
