package main

import "testing"

func TestAttributesThatNameTrialsByID(t *testing.T) {
	for key, want := range map[string]bool{
		"NSGAIIISampler:parent:2": true, "NSGAIISampler:parent:1": true, "dashboard:12:note_str:0": true,
		"dashboard:artifacts:12:f00": true, "preference:skip_trial:3": true,
		"study:metric_names": false, "dashboard:note_ver": false, "dashboard:note_str:0": false,
		"preference:is_preferential": false, "qmc:12": false,
	} {
		if got := byID.MatchString(key); got != want {
			t.Errorf("%q names a trial by its id: got %v, want %v", key, got, want)
		}
	}
}
