// Package storagetest is the suite that every storage.Storage passes. Call Run
// from a test of the implementation.
package storagetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// Run checks the rules of storage.Storage. open returns an empty storage, which
// Run closes.
func Run(t *testing.T, open func(t testing.TB) storage.Storage) {
	// Roughly from simple to complex: the first failure is the one to read.
	for _, group := range []struct {
		name string
		test func(*testing.T, suite)
	}{
		{"Studies", testStudies},
		{"WriteStudy", testWriteStudy},
		{"Delete", testDelete},
		{"Begin", testBegin},
		{"Budget", testBudget},
		{"Leases", testLeases},
		{"Add", testAdd},
		{"Write", testWrite},
		{"Zeros", testZeros},
		{"States", testStates},
		{"Release", testRelease},
		{"Foreign", testForeign},
		{"Checkpoints", testCheckpoints},
		{"Orphans", testOrphans},
		{"Pause", testPause},
		{"PauseBudget", testPauseBudget},
		{"PauseRace", testPauseRace},
		{"Invalid", testInvalid},
		{"Since", testSince},
		{"Copies", testCopies},
		{"Port", testPort},
		{"Concurrency", testConcurrency},
		{"Model", testModel},
	} {
		t.Run(group.name, func(t *testing.T) {
			// Each group has a storage of its own, so groups cannot hide each other's faults.
			s := open(t)
			// Close fails too if calls have left something open.
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			group.test(t, suite{t, context.Background(), s})
		})
	}
}

// A suite has the calls of a storage with the errors checked.
type suite struct {
	*testing.T
	ctx context.Context
	storage.Storage
}

// minimize is the direction of studies in which it does not matter.
var minimize = []trial.Direction{trial.Minimize}

// create makes a study that minimizes unless directions are given.
func (s suite) create(name string, directions ...trial.Direction) storage.Study {
	s.Helper()
	if directions == nil {
		directions = minimize
	}
	study, err := s.Create(s.ctx, name, directions)
	if err != nil {
		s.Fatalf("Create(%q): %v", name, err)
	}
	return study
}

// claim is a lease that does not run out during the test.
func claim(owner string) storage.Claim {
	return storage.Claim{Lease: storage.Lease{Owner: owner, Duration: time.Hour}}
}

// begin claims a trial that must be there.
func (s suite) begin(study int64, c storage.Claim) *trial.Trial {
	s.Helper()
	tr, err := s.Begin(s.ctx, study, c)
	if err != nil {
		s.Fatalf("Begin: %v", err)
	}
	return tr
}

// write must succeed; tests of refusals call Write.
func (s suite) write(study int64, number int, u storage.Update) {
	s.Helper()
	if err := s.Write(s.ctx, study, number, u); err != nil {
		s.Fatalf("Write(%d): %v", number, err)
	}
}

// since returns what changed after a revision.
func (s suite) since(study, revision int64) storage.Changes {
	s.Helper()
	c, err := s.Since(s.ctx, study, revision)
	if err != nil {
		s.Fatalf("Since(%d): %v", revision, err)
	}
	return c
}

// trial returns a trial that must exist.
func (s suite) trial(study int64, number int) *trial.Trial {
	s.Helper()
	// By Since and not by Trial, which testModel compares with it.
	for _, t := range s.since(study, 0).Trials {
		if t.Number == number {
			return t
		}
	}
	s.Fatalf("trial %d does not exist", number)
	return nil
}

// want checks an error; rule is the sentence that a failure prints.
func (s suite) want(err, target error, rule string) {
	s.Helper()
	if !errors.Is(err, target) {
		s.Errorf("%s: got %v, want an error that matches %q", rule, err, target)
	}
}

// numbers keeps the order, which is what most tests of Since check.
func numbers(trials []*trial.Trial) []int {
	var n []int
	for _, t := range trials {
		n = append(n, t.Number)
	}
	return n
}

// x returns the parameter x of a trial, of a range from 0 to 2.
func x(value float64) []trial.Param {
	return []trial.Param{{Name: "x", Value: value, Dist: space.Float{High: 2}}}
}
