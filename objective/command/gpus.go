package command

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// GPUs returns slots that give each running trial GPUs of its own. which is "all", or
// a list of numbers or UUIDs with commas between them; numbers count within
// CUDA_VISIBLE_DEVICES if that is set. perTrial is a whole number of GPUs, or 1/n for
// n trials on each.
func GPUs(which string, perTrial float64) ([][]string, error) {
	devices, err := devices(which, os.Getenv("CUDA_VISIBLE_DEVICES"), installed)
	if err != nil {
		return nil, err
	}
	share := math.Round(1 / perTrial)
	switch {
	case perTrial >= 1 && perTrial == math.Trunc(perTrial) && perTrial <= float64(len(devices)):
		var slots [][]string
		for group := range slices.Chunk(devices, int(perTrial)) {
			if len(group) == int(perTrial) {
				slots = append(slots, visible(group...))
			}
		}
		return slots, nil
	case perTrial >= 1 && perTrial == math.Trunc(perTrial):
		return nil, fmt.Errorf("a trial needs %v GPUs and there are %d", perTrial, len(devices))
	case perTrial > 0 && perTrial < 1 && math.Abs(share*perTrial-1) < 0.02:
		var slots [][]string
		for range int(share) { // the first trials get a GPU each
			for _, d := range devices {
				slots = append(slots, visible(d))
			}
		}
		return slots, nil
	}
	return nil, fmt.Errorf("GPUs per trial are %v, want a whole number or 1/n, such as 0.5", perTrial)
}

// visible are the variables by which CUDA and ROCm programs see some devices only.
func visible(devices ...string) []string {
	list := strings.Join(devices, ",")
	return []string{"CUDA_VISIBLE_DEVICES=" + list, "HIP_VISIBLE_DEVICES=" + list}
}

// devices returns the names of devices within a mask, "" for none. count tells how
// many there are.
func devices(which, mask string, count func() (int, error)) ([]string, error) {
	var all []string
	if mask != "" {
		all = strings.Split(mask, ",")
		if i := slices.Index(all, "-1"); i >= 0 { // CUDA sees none from here on
			all = all[:i]
		}
		if len(all) == 0 {
			return nil, fmt.Errorf("CUDA_VISIBLE_DEVICES is %s, which hides all GPUs", mask)
		}
	}
	if which != "all" {
		var chosen []string
		for d := range strings.SplitSeq(which, ",") {
			d = strings.TrimSpace(d)
			i, err := strconv.Atoi(d)
			switch {
			case err == nil && i < 0, err != nil && !strings.HasPrefix(d, "GPU-") && !strings.HasPrefix(d, "MIG-"):
				return nil, fmt.Errorf("GPU is %q, want a number from 0, or a UUID: GPU-… or MIG-…", d)
			case err == nil && mask != "" && i >= len(all):
				return nil, fmt.Errorf("GPU is %d and CUDA_VISIBLE_DEVICES has %d devices: %s", i, len(all), mask)
			case err == nil && mask != "":
				d = all[i]
			}
			if slices.Contains(chosen, d) {
				return nil, fmt.Errorf("GPU %s is there twice", d)
			}
			chosen = append(chosen, d)
		}
		return chosen, nil
	}
	if mask != "" {
		return all, nil
	}
	n, err := count()
	if err != nil {
		return nil, err
	}
	for i := range n {
		all = append(all, strconv.Itoa(i))
	}
	return all, nil
}

// installed returns how many GPUs the machine has.
func installed() (int, error) {
	for _, tool := range [][]string{{"nvidia-smi", "-L"}, {"rocm-smi", "--showid", "--csv"}} {
		out, err := exec.Command(tool[0], tool[1:]...).Output()
		if err != nil {
			continue
		}
		n := 0
		for line := range strings.Lines(string(out)) {
			if strings.HasPrefix(line, "GPU ") || strings.HasPrefix(line, "card") {
				n++
			}
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("neither nvidia-smi nor rocm-smi finds a GPU: name them, such as 0,1")
}
