//go:build !race

package study_test

const detectorAllocations = 0
