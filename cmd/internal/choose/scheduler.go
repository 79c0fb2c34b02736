package choose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/bluefin-hpo/bluefin/study/schedule"
)

// Schedulers are our names of schedulers.
func Schedulers() []string { return []string{"halving", "none"} }

// Scheduler returns the scheduler of a name and settings, nil for none.
func Scheduler(name string, values map[string]any) (schedule.Scheduler, error) {
	args := &settings{values: values}
	var s schedule.Scheduler
	switch name {
	case "halving":
		h := schedule.Halving{MinResource: args.positive("min_resource"), ReductionFactor: args.int("reduction_factor", 2),
			Brackets: args.positive("brackets")}
		if h.Brackets > schedule.MaxBrackets {
			return nil, fmt.Errorf("brackets is %d, want at most %d", h.Brackets, schedule.MaxBrackets)
		}
		s = h
	case "none":
	default:
		return nil, &NameError{"scheduler", name, Schedulers()}
	}
	return s, args.check(name)
}

// SchedulerText reads NAME, or halving:NUMBER with the number of brackets.
func SchedulerText(text string) (name string, values map[string]any, err error) {
	name, number, given := strings.Cut(text, ":")
	switch {
	case !slices.Contains(Schedulers(), name):
		return "", nil, &NameError{"scheduler", text, Schedulers()}
	case !given:
		return name, nil, nil
	case name != "halving":
		return "", nil, fmt.Errorf("scheduler is %q, want no number after %s", text, name)
	}
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > schedule.MaxBrackets {
		return "", nil, fmt.Errorf("scheduler is %q, want a whole number of brackets, 1 to %d, after %s", text, schedule.MaxBrackets, name+":")
	}
	return name, map[string]any{"brackets": n}, nil
}
