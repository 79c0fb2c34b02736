package command

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestDevicesLieWithinTheMask(t *testing.T) {
	three := func() (int, error) { return 3, nil }
	for _, c := range []struct{ which, mask, want string }{
		{"all", "", "0 1 2"},
		{"all", "5,GPU-8a", "5 GPU-8a"},
		{"1", "5,GPU-8a", "GPU-8a"},
		{"0,2", "", "0 2"},
		{"all", "3,-1,4", "3"},
		{"GPU-1, GPU-2", "7", "GPU-1 GPU-2"},
	} {
		if got, err := devices(c.which, c.mask, three); err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s within %q: got %v and %v, want %s", c.which, c.mask, got, err, c.want)
		}
	}
	for _, c := range []struct{ which, mask, want string }{
		{"2", "5,6", "has 2 devices: 5,6"}, {"0;1", "", "GPU is \"0;1\""}, {"cuda:0", "", "want a number from 0, or a UUID"}, {"-1", "", "want a number from 0"}, {"", "", "want a number"}, {"1,1", "", "GPU 1 is there twice"}, {"all", "-1", "hides all GPUs"},
	} {
		if _, err := devices(c.which, c.mask, three); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s within %q: got %v, want %q", c.which, c.mask, err, c.want)
		}
	}
	if _, err := devices("all", "", func() (int, error) { return 0, errors.New("none") }); err == nil {
		t.Error("no GPU is no error")
	}
}

func TestSlotsShareGPUs(t *testing.T) {
	t.Setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
	for _, c := range []struct {
		perTrial float64
		want     string
	}{{1, "4 5 6"}, {2, "4,5"}, {3, "4,5,6"}, {0.5, "4 5 6 4 5 6"}, {0.33, "4 5 6 4 5 6 4 5 6"}} {
		slots, err := GPUs("all", c.perTrial)
		var got []string
		for _, s := range slots {
			name, list, _ := strings.Cut(s[0], "=")
			if name != "CUDA_VISIBLE_DEVICES" || s[1] != "HIP_VISIBLE_DEVICES="+list {
				t.Errorf("got %q", s)
			}
			got = append(got, list)
		}
		if err != nil || !slices.Equal(got, strings.Fields(c.want)) {
			t.Errorf("%v per trial: got %q and %v, want %s", c.perTrial, got, err, c.want)
		}
	}
	for perTrial, want := range map[float64]string{4: "needs 4 GPUs and there are 3", 0: "want a whole number or 1/n", 1.5: "want a whole number", -1: "want a whole number", 0.7: "1/n"} {
		if _, err := GPUs("all", perTrial); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v per trial: got %v, want %q", perTrial, err, want)
		}
	}
}
