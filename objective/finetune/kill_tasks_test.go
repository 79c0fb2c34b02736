//go:build unix

package finetune_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/fashion"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/safetensors"
	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/weights"
	"github.com/bluefin-hpo/bluefin/objective/finetune/nn"
	"github.com/bluefin-hpo/bluefin/objective/finetune/text"
	"github.com/bluefin-hpo/bluefin/objective/finetune/train"
	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
)

// What the process to be killed is to do.
const (
	killedTask = "BLUEFIN_KILLED_TASK"
	killedDir  = "BLUEFIN_KILLED_DIR"
)

// newTask returns a task that saves each epoch and never stops early, of which
// one trial has settings s.
func newTask(t *testing.T, name, dir string) (task *finetune.Task, s finetune.Settings) {
	t.Helper()
	switch name {
	case "fashion":
		var err error
		if task, err = fashion.Task(); err != nil {
			t.Fatal(err)
		}
		s = task.Defaults
		s.FrozenLayers, s.NumTrainEpochs = 2, 8
	case "text":
		path := filepath.Join(dir, "train.csv")
		var b strings.Builder
		b.WriteString("text,label\n")
		for i := range 200 {
			fmt.Fprintf(&b, "%sparcel came %s,%s\n", strings.Repeat("very ", i/2%12), []string{"late", "broken"}[i%2], []string{"late", "broken"}[i%2])
		}
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
		of, err := text.New(text.Config{Model: "internal/bert/testdata/tiny", Train: path})
		if err != nil {
			t.Fatal(err)
		}
		task, s = of.Task, of.Defaults
		s.LearningRate, s.NumTrainEpochs, s.Tuning = 3e-3, 80, finetune.LoRA // of 10 ms each
	}
	task.CheckpointEvery, task.Patience = time.Nanosecond, 1<<30
	task.Defaults, task.Space = s, finetune.Space{BatchSize: space.Int{Low: s.BatchSize, High: s.BatchSize}}
	return task, s
}

// weightsOf returns a text that is another for other weights.
func weightsOf(net *nn.Network) (string, error) {
	b, err := safetensors.Marshal(safetensors.File{Tensors: weights.Tensors(net.Params())})
	return fmt.Sprintf("%x", sha256.Sum256(b)), err
}

// saves is a storage that shows each checkpoint after it wrote it.
type saves struct{ storage.Storage }

func (s saves) Write(ctx context.Context, id int64, number int, u storage.Update) error {
	err := s.Storage.Write(ctx, id, number, u)
	if err == nil && u.Checkpoint != nil {
		_, err = fmt.Println("epoch", u.Checkpoint.Step)
	}
	return err
}

// TestKilledWorker is the other process: it trains the one trial of a study and
// prints each epoch that is saved and, at the end, the weights.
func TestKilledWorker(t *testing.T) {
	name, dir := os.Getenv(killedTask), os.Getenv(killedDir)
	if name == "" {
		t.Skip("runs in processes of TestAKilledTaskEndsWithTheSameWeights")
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, "study.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	task, _ := newTask(t, name, dir)
	task.Keep = func(_ int, value float64, net *nn.Network) error {
		weights, err := weightsOf(net)
		fmt.Println("weights", weights, math.Float64bits(value))
		return err
	}
	st, err := study.Open(t.Context(), study.Config{Name: "killed", Storage: saves{db}, Sampler: &sampler.Random{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Optimize(t.Context(), task.Objective(task.Space, 1), study.Budget{Trials: 1}); err != nil {
		t.Fatal(err)
	}
}

// workOn starts the other process and kills it, with SIGKILL, once
// it saved the epoch called kill, if that is above 0: in one of the next. It returns what it printed.
func workOn(t *testing.T, name, dir string, kill int) (epochs []int, end string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWorker$")
	cmd.Env = append(os.Environ(), killedTask+"="+name, killedDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var epoch int
		if n, _ := fmt.Sscanf(lines.Text(), "epoch %d", &epoch); n == 1 {
			epochs = append(epochs, epoch)
			if epoch == kill {
				cmd.Process.Kill()
			}
		}
		if strings.HasPrefix(lines.Text(), "weights ") {
			end = lines.Text()
		}
	}
	if err := cmd.Wait(); (err != nil) != (kill > 0) {
		t.Fatalf("killed in epoch %d: %v", kill, err)
	}
	return epochs, end
}

// A trial on images, and one on texts with low-rank terms, whose process is
// killed twice ends with the weights of one that ran through, bit for bit.
func TestAKilledTaskEndsWithTheSameWeights(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector sees nothing of other processes")
	}
	for _, name := range []string{"fashion", "text"} {
		task, s := newTask(t, name, t.TempDir())
		net, r, err := task.Train(t.Context(), finetune.Checkpoints{}, s, 1, func(int, train.Metrics) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		weights, err := weightsOf(net)
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprintln("weights", weights, math.Float64bits(r.Best.Validation.Loss))

		dir := t.TempDir()
		last := 0
		for _, kill := range []int{1, s.NumTrainEpochs / 2} {
			epochs, end := workOn(t, name, dir, max(kill, last+1))
			if end != "" || len(epochs) == 0 || epochs[0] != last+1 {
				t.Fatalf("%s: after epoch %d epochs %v were run until a kill, and it ended with %q", name, last, epochs, end)
			}
			last = epochs[len(epochs)-1]
		}
		epochs, end := workOn(t, name, dir, 0)
		if len(epochs) == 0 || epochs[0] <= last || epochs[0] > last+1 {
			t.Errorf("%s: killed after epoch %d, the last process ran epochs %v", name, last, epochs)
		}
		if end+"\n" != want {
			t.Errorf("%s: ends with %q, want %q", name, end, strings.TrimSpace(want))
		}
	}
}
