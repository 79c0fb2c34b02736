// Package storage defines where studies are kept. Storage is the contract and
// Memory its reference implementation. Package sqlite below it keeps studies in
// a file, package journal writes one as JSON Lines, and package storagetest is
// the suite that every implementation passes.
//
// # Decorators
//
// To log, measure, cache or refuse calls, embed a Storage in a struct and write
// the methods that differ; example_test.go has one. Every method of the contract
// is in the interface, so a decorator has all of them. A trial can also end inside
// Begin, which fails orphans, and be added finished by Add and Import: a
// decorator of Write alone does not see those.
//
// # Backends
//
// A new backend writes all methods. The rules that inputs must keep are methods
// of the types, so that every backend refuses the same: Study.Check for Create,
// Study.CheckAdd for Add, Update.Check for Write, Snapshot.Check for Import.
// Snapshot.Normalized is what Import stores. Orphans.Allow and Orphans.Abandon
// decide about trials that lost their worker. The suite compares a backend with
// Memory on random calls, so read Memory when in doubt.
//
// The hard part is Begin: choosing a trial, counting the budget and taking the
// lease must be one transaction, also across processes. Since is called before
// each draw, so keep a revision that grows with each change of a study and an
// index of the revision at which each trial last changed.
//
// # What the engine does
//
// Package study calls Since with the last revision it has seen, and never for
// trials that it runs itself. It writes a trial only under the lease that Begin
// gave it, renews the lease while the objective runs, and takes ErrLost to mean
// that another worker has the trial. It repeats a Write that ends a trial for
// two seconds if that fails for another reason. It does not modify what a
// storage returns, and leaves Close to the program.
package storage
