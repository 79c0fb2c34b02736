package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A trial takes a second, in ten steps. Its state survives in its folder.
const train = `#!/bin/sh
n=$(cat "$1/step" 2>/dev/null || echo 0)
while [ "$n" -lt 10 ]; do
	sleep 0.1
	n=$((n + 1))
	echo "$n" > "$1/step"
done
echo "loss=$2"
`

const study = `name: %s
command: [train, "{trial_dir}", "{x}"]
parameters:
  x: {low: 0.0, high: 1.0}
metrics: [{name: loss, direction: minimize}]
sampler: random
pruner: none
budget: {trials: %d}
`

// A site is a cluster with two nodes, a served study file, and a namespace with the strictest security.
type site struct {
	*controlPlane
	t                *testing.T
	dir, program, db string
	url              string

	mu    sync.Mutex
	place func(*core.Pod) string // the node of a pod
	pids  map[string]int         // of pods by their names
}

func newSite(t *testing.T) *site {
	if os.Getuid() != 0 {
		t.Skip("only root can start a pod's program as its user")
	}
	s := &site{controlPlane: start(t), t: t, dir: t.TempDir(), pids: map[string]int{}}
	t.Cleanup(s.show)
	bin, broken := filepath.Join(s.dir, "bin"), filepath.Join(s.dir, "broken")
	s.program, s.db = filepath.Join(bin, "bluefin"), filepath.Join(s.dir, "study.db")
	for _, dir := range []string{bin, broken, filepath.Join(s.dir, "checkpoints")} {
		check(t, os.Mkdir(dir, 0o777))
		check(t, os.Chmod(dir, 0o777))
	}
	check(t, os.Chmod(filepath.Dir(s.dir), 0o755))
	build := exec.Command("go", "build", "-o", s.program, "./cmd/bluefin")
	build.Dir = "../../.."
	out, err := build.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// The second node lacks the program of the trials.
	check(t, os.Link(s.program, filepath.Join(broken, "bluefin")))
	write(t, filepath.Join(bin, "train"), train)
	check(t, os.Chmod(filepath.Join(bin, "train"), 0o755))
	for node, path := range map[string]string{"good": bin, "broken": broken} {
		k := &Kubelet{Client: s.client, Node: node, Programs: path, Logs: s.dir, Started: s.started}
		s.background(k.Run)
	}
	s.background(s.bind)
	s.kubectl("", "create", "namespace", "team")
	s.kubectl("", "label", "namespace", "team", "pod-security.kubernetes.io/enforce=restricted")
	eventually(t, time.Minute, "the namespace has its account", func() error {
		_, err := s.client.CoreV1().ServiceAccounts("team").Get(t.Context(), "default", meta.GetOptions{})
		return err
	})
	return s
}

// show prints what a failed test needs.
func (s *site) show() {
	if !s.t.Failed() {
		return
	}
	logs, _ := filepath.Glob(filepath.Join(s.dir, "bluefin-*.log"))
	for _, path := range logs {
		text, _ := os.ReadFile(path)
		s.t.Logf("%s:\n%s", filepath.Base(path), text[max(0, len(text)-1000):])
	}
	out, err := exec.Command("kubectl", "--kubeconfig", s.kubeconfig, "-n", "team", "get", "pods,jobs,events", "-o", "wide").
		CombinedOutput()
	s.t.Logf("%s%v", out, err)
}

// background runs a loop until the test ends.
func (s *site) background(loop func(context.Context) error) {
	var done sync.WaitGroup
	done.Go(func() {
		if err := loop(s.t.Context()); err != nil && s.t.Context().Err() == nil {
			s.t.Error(err)
		}
	})
	s.t.Cleanup(done.Wait)
}

// bind is the scheduler.
func (s *site) bind(ctx context.Context) error {
	for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		pods, err := s.client.CoreV1().Pods("team").List(ctx, meta.ListOptions{FieldSelector: "spec.nodeName="})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			s.mu.Lock()
			node := s.place(&pod)
			s.mu.Unlock()
			_ = s.client.CoreV1().Pods("team").Bind(ctx, &core.Binding{ObjectMeta: meta.ObjectMeta{Name: pod.Name, UID: pod.UID},
				Target: core.ObjectReference{Kind: "Node", Name: node}}, meta.CreateOptions{}) // the pod may be gone
		}
	}
	return nil
}

func (s *site) started(pod *core.Pod, pid int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pids[pod.Name] = pid
}

// serve makes a study and serves it.
func (s *site) serve(name string, trials int) {
	file := filepath.Join(s.dir, name+".yaml")
	write(s.t, file, fmt.Sprintf(study, name, trials))
	s.bluefin("create-study", "--storage", s.db, "-f", file)
	if s.url != "" {
		return
	}
	p := port(s.t)
	s.url = url("http", p)
	run(s.t, s.dir, s.program, "serve", "--storage", s.db, "--listen", "127.0.0.1:"+strconv.Itoa(p))
	eventually(s.t, time.Minute, "bluefin serve answers", func() error {
		c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(p))
		if err == nil {
			err = c.Close()
		}
		return err
	})
	s.kubectl("", "-n", "team", "create", "secret", "generic", "bluefin", "--from-literal=url="+s.url)
}

// submit gives kubectl what submit prints.
func (s *site) submit(name string, workers int, more ...string) {
	manifest := s.bluefin(append([]string{"submit", "kubernetes", "--dry-run", "--study-name", name, "--namespace", "team",
		"--workers", strconv.Itoa(workers), "--image", "example.org/train:1", "--gpus", "0", "--grace", "5s",
		"--secret", "BLUEFIN_STORAGE=bluefin/url", "--volume", "checkpoints:" + filepath.Join(s.dir, "checkpoints"),
		"--checkpoint-dir", filepath.Join(s.dir, "checkpoints")}, more...)...)
	s.t.Logf("kubectl: %s", s.kubectl(manifest, "apply", "-f", "-"))
}

func (s *site) bluefin(args ...string) string { return s.command("", s.program, args...) }

func (s *site) kubectl(in string, args ...string) string {
	return s.command(in, "kubectl", append([]string{"--kubeconfig", s.kubeconfig}, args...)...)
}

func (s *site) command(in, program string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(s.program)+":"+os.Getenv("PATH"))
	var failure bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(in), &failure
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s %q: %v: %s", filepath.Base(program), args, err, &failure)
	}
	return string(out)
}

// finished counts the trials that are complete.
func (s *site) finished(name string) int {
	return strings.Count(s.bluefin("trials", "--storage", s.db, "--study-name", name, "-f", "jsonl"), `"state": "COMPLETE"`)
}

// running waits until the study has n more complete trials, and returns a running pod of an index.
func (s *site) running(name string, more, index int) *core.Pod {
	from := s.finished(name)
	var found *core.Pod
	eventually(s.t, time.Minute, fmt.Sprintf("%d trials and a pod of index %d", from+more, index), func() error {
		if n := s.finished(name); n < from+more {
			return fmt.Errorf("%d trials", n)
		}
		pods, err := s.client.CoreV1().Pods("team").List(s.t.Context(),
			meta.ListOptions{LabelSelector: fmt.Sprintf("job-name=bluefin-%s,batch.kubernetes.io/job-completion-index=%d", name, index)})
		if err != nil {
			return err
		}
		for i, pod := range pods.Items {
			if pod.Status.Phase == core.PodRunning && pod.DeletionTimestamp == nil {
				found = &pods.Items[i]
				return nil
			}
		}
		return fmt.Errorf("none of %d pods runs", len(pods.Items))
	})
	return found
}

// job waits for the end of a Job.
func (s *site) job(name string, end batch.JobConditionType) *batch.Job {
	var job *batch.Job
	eventually(s.t, 6*time.Minute, "the Job is "+string(end), func() (err error) {
		if job, err = s.client.BatchV1().Jobs("team").Get(s.t.Context(), "bluefin-"+name, meta.GetOptions{}); err != nil {
			return err
		}
		for _, c := range job.Status.Conditions {
			if c.Type == end && c.Status == core.ConditionTrue {
				return nil
			}
		}
		status, err := json.Marshal(job.Status)
		return fmt.Errorf("%s %w, and %d trials are complete", status, err, s.finished(name))
	})
	status, _ := json.Marshal(job.Status)
	s.t.Logf("job %s: %s", job.Name, status)
	return job
}

// complete checks that the study has exactly its trials, by their numbers, each complete.
func (s *site) complete(name string, trials int) {
	s.t.Helper()
	lines := strings.Split(strings.TrimSpace(s.bluefin("trials", "--storage", s.db, "--study-name", name, "-f", "jsonl")), "\n")
	seen := map[int]bool{}
	for _, line := range lines {
		var trial struct {
			Number int
			State  string
			Value  float64
			Params map[string]float64
		}
		check(s.t, json.Unmarshal([]byte(line), &trial))
		if trial.State != "COMPLETE" || trial.Value != trial.Params["x"] || trial.Number >= trials || seen[trial.Number] {
			s.t.Errorf("study %s has %s", name, line)
		}
		seen[trial.Number] = true
	}
	if len(lines) != trials {
		s.t.Errorf("study %s has %d trials, want %d", name, len(lines), trials)
	}
}

// Workers lose their pods in every way, and the Job completes with exactly the study's trials.
func TestJobCompletesWhateverEndsItsPods(t *testing.T) {
	s := newSite(t)
	s.place = func(*core.Pod) string { return "good" }
	begin := time.Now()
	s.serve("digits", 60)
	s.submit("digits", 4)
	pods := s.client.CoreV1().Pods("team")

	pod := s.running("digits", 4, 0)
	t.Logf("delete %s", pod.Name)
	check(t, pods.Delete(t.Context(), pod.Name, meta.DeleteOptions{}))

	pod = s.running("digits", 4, 1)
	t.Logf("evict %s", pod.Name)
	check(t, pods.EvictV1(t.Context(), &policy.Eviction{ObjectMeta: meta.ObjectMeta{Name: pod.Name, Namespace: "team"}}))

	pod = s.running("digits", 4, 2)
	s.mu.Lock()
	pid := s.pids[pod.Name]
	s.mu.Unlock()
	t.Logf("kill -9 %d of %s", pid, pod.Name)
	check(t, syscall.Kill(pid, syscall.SIGKILL))

	job := s.job("digits", batch.JobComplete)
	t.Logf("%d trials in %s", s.finished("digits"), time.Since(begin).Round(time.Second))
	s.complete("digits", 60)
	// Deleted and killed pods failed; the evicted one does not count.
	if job.Status.Succeeded != 4 || job.Status.Failed != 2 {
		t.Errorf("got %d succeeded and %d failed pods, want 4 and 2", job.Status.Succeeded, job.Status.Failed)
	}
	all, err := pods.List(t.Context(), meta.ListOptions{LabelSelector: "job-name=bluefin-digits"})
	check(t, err)
	for _, p := range all.Items {
		if p.Status.Phase != core.PodSucceeded {
			continue
		}
		failures := p.Annotations["batch.kubernetes.io/job-index-failure-count"]
		want := map[string]string{"0": "1", "1": "0", "2": "1", "3": "0"}[p.Annotations["batch.kubernetes.io/job-completion-index"]]
		if failures != want {
			t.Errorf("%s ended well after %q failures, want %s", p.Name, failures, want)
		}
	}
}

// A worker on a node without the program exits with 64: its index fails at once, the others finish the study.
func TestWrongUseFailsOneIndex(t *testing.T) {
	s := newSite(t)
	s.place = func(pod *core.Pod) string {
		if pod.Annotations["batch.kubernetes.io/job-completion-index"] == "2" {
			return "broken"
		}
		return "good"
	}
	s.serve("wrong", 12)
	s.submit("wrong", 3)
	job := s.job("wrong", batch.JobFailed)
	s.complete("wrong", 12)
	if got := *job.Status.FailedIndexes + " " + job.Status.CompletedIndexes; got != "2 0,1" || job.Status.Failed != 1 {
		t.Errorf("got failed and completed indexes %s after %d failures, want 2 0,1 after 1", got, job.Status.Failed)
	}
}
