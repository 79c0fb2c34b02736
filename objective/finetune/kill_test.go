//go:build unix

package finetune

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/bluefin-hpo/bluefin/storage/sqlite"
)

const workerFile = "BLUEFIN_FINETUNE_FILE"

// longEpochs is how long the training is that is killed: half a second.
const longEpochs = 200

// TestWorker is the other process: it trains the one trial of the study in a
// file, and prints each epoch that it has run and is about to save.
func TestWorker(t *testing.T) {
	path := os.Getenv(workerFile)
	if path == "" {
		t.Skip("runs in processes of TestAKilledTrialResumesAtItsEpoch")
	}
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	show := func(epoch int) error {
		_, err := fmt.Println("epoch", epoch)
		return err
	}
	if err := searchOn(t.Context(), watch{db, show}, resumable(t), only(longEpochs)); err != nil {
		t.Fatal(err)
	}
}

// work starts a process and returns the epochs that it ran. It is killed some
// time after it ran the epoch called kill, if that is above 0.
func work(t *testing.T, path string, kill int, wait time.Duration) (epochs []int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestWorker$")
	cmd.Env = append(os.Environ(), workerFile+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var epoch int
		if n, _ := fmt.Sscanf(lines.Text(), "epoch %d", &epoch); n == 0 {
			continue // the framework's own
		}
		epochs = append(epochs, epoch)
		if epoch == kill {
			killed = true
			time.Sleep(wait)
			cmd.Process.Kill()
		}
	}
	if err := cmd.Wait(); err != nil && !killed {
		t.Fatal(err)
	}
	return epochs
}

func read(t *testing.T, path string) (ending, bool) {
	t.Helper()
	db, err := sqlite.Open(context.Background(), path, sqlite.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	return endingOf(t, db)
}

// A trial whose process is killed again and again resumes in the next one
// after the last epoch that was saved, and leaves the same behind as one that
// ran undisturbed: value, reports, attributes, and the state after the last
// epoch, which is all weights and moments.
func TestAKilledTrialResumesAtItsEpoch(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector sees nothing of other processes")
	}
	want := uninterrupted(t, only(longEpochs))
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "study.db")
	var now ending
	saved, run := 0, 0
	for _, kill := range []int{1, 40, 41, 80, 120, 150, 0} {
		if kill > 0 {
			kill = max(kill, saved+1)
		}
		epochs := work(t, path, kill, time.Duration(random.IntN(8000))*time.Microsecond)
		run += len(epochs)
		if len(epochs) == 0 || epochs[0] != saved+1 || epochs[len(epochs)-1] != saved+len(epochs) {
			t.Fatalf("with %d epochs saved, the next process ran epochs %v", saved, epochs)
		}
		now, _ = read(t, path)
		saved = now.checkpoint.Step
		last := epochs[len(epochs)-1]
		if saved > last || saved < last-1 || len(now.reports) < saved || len(now.reports) > saved+1 {
			t.Errorf("killed after it ran epoch %d: %d reports and a checkpoint of epoch %d", last, len(now.reports), saved)
		}
		t.Logf("ran epochs %d to %d, saved %d", epochs[0], last, saved)
		if now.state.Finished() { // on a slow day before the last kill
			break
		}
	}
	if !reflect.DeepEqual(now, want) {
		t.Errorf("ends with %v %s and %d reports, want %v %s", now.values, now.attrs, len(now.reports), want.values, want.attrs)
	}
	// Each kill costs the epoch under way, at most.
	if run > longEpochs+6 {
		t.Errorf("%d epochs were run in all, want at most %d", run, longEpochs+6)
	}
}
