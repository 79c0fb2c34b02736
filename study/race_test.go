//go:build race

package study_test

// detectorAllocations is what the race detector adds to a trial.
const detectorAllocations = 1
