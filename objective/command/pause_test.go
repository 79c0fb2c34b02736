//go:build unix

package command_test

import (
	"slices"
	"testing"

	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/study/schedule"
	"github.com/bluefin-hpo/bluefin/trial"
)

// descent trains for eight epochs: it reads its state from its last checkpoint, and saves it after each
// epoch that it has reported. A signal to stop ends awk too, which is then asked again.
const descent = `
x=4 epoch=0
if [ -n "$BLUEFIN_LAST_CHECKPOINT" ]; then read -r epoch x rest < "$BLUEFIN_LAST_CHECKPOINT"; fi
save() { echo "$epoch $x checkpoint" > "$BLUEFIN_TRIAL_DIR/new"; mv "$BLUEFIN_TRIAL_DIR/new" "$BLUEFIN_TRIAL_DIR/last.ckpt"; }
while [ $epoch -lt 8 ]; do
	sleep 0.06
	until next=$(awk "BEGIN { printf \"%.17g\", $x - $BLUEFIN_PARAM_LR * 2 * ($x - 1) }"); do :; done
	x=$next
	until loss=$(awk "BEGIN { printf \"%.17g\", ($x - 1) ^ 2 }"); do :; done
	epoch=$((epoch + 1))
	`

// descents searches with the script and returns the trials.
func descents(t *testing.T, script string, by schedule.Scheduler, budget study.Budget) []*trial.Trial {
	t.Helper()
	c, err := command.New(command.Config{Args: []string{"sh", "-c", script}, Metrics: loss, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := study.Open(t.Context(), study.Config{Sampler: sampler.Random{}, Seed: 5, Scheduler: by,
		Space: space.Must(space.New(space.Dimension{Name: "lr", Dist: space.Float{Low: 0.01, High: 0.9}}))})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Optimize(t.Context(), c.Run, budget); err != nil {
		t.Fatal(err)
	}
	all, err := s.Trials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Programs that pause and resume report what they report if they run through, without a gap.
func TestAProgramIsPausedAtItsCheckpointAndResumed(t *testing.T) {
	const lines = `echo "epoch=$epoch loss=$loss"; save; done`
	whole := descents(t, descent+lines, nil, study.Budget{Trials: 5})
	for name, script := range map[string]string{
		"lines":               descent + lines,
		"a file":              descent + `echo "{\"step\": $epoch, \"loss\": $loss}" >> "$BLUEFIN_REPORTS"; save; done`,
		"saves when stopped":  `trap 'save; exit' TERM;` + descent + `echo "epoch=$epoch loss=$loss"; save; done`,
		"trains on, and ends": `trap 'last=yes' TERM;` + descent + `echo "epoch=$epoch loss=$loss"; save; [ -z "$last" ] || exit 0; done`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := descents(t, script, schedule.Halving{ReductionFactor: 2}, study.Budget{Trials: 5, Workers: 2})
			complete, paused := 0, 0
			for i, tr := range got {
				n := len(tr.Reports)
				if n > 8 || !slices.Equal(tr.Reports, whole[i].Reports[:n]) {
					t.Errorf("trial %d reported %v, want the beginning of %v", i, steps(tr), steps(whole[i]))
				}
				switch {
				case tr.State == trial.Complete && n == 8 && tr.Values[0] == whole[i].Values[0]:
					complete++
				case tr.Paused():
					paused++
				default:
					t.Errorf("trial %d is %v after %d steps: %s", i, tr.State, n, tr.Failure())
				}
			}
			if complete == 0 || paused == 0 {
				t.Errorf("%d trials are complete and %d paused, want some of both", complete, paused)
			}
		})
	}
}

// A program that saves nothing runs to its end.
func TestAProgramWithoutCheckpointsIsNotPaused(t *testing.T) {
	got := descents(t, descent+`echo "epoch=$epoch loss=$loss"; done`, schedule.Halving{}, study.Budget{Trials: 2})
	for i, tr := range got {
		if tr.State != trial.Complete || len(tr.Reports) != 8 {
			t.Errorf("trial %d is %v after %d steps, want 8", i, tr.State, len(tr.Reports))
		}
	}
}

// With a budget of steps the program stops at a checkpoint, and a larger budget resumes it there.
func TestAProgramStopsWhenTheStepsAreUsedUp(t *testing.T) {
	got := descents(t, descent+`echo "epoch=$epoch loss=$loss"; save; done`, nil, study.Budget{Trials: 3, Steps: 11})
	total := 0
	for _, tr := range got {
		total += tr.Steps()
	}
	if total < 11 || total > 13 || !got[len(got)-1].Paused() {
		t.Errorf("the trials trained %d steps and the last is %v, want 11 and paused", total, got[len(got)-1].State)
	}
}
