package submit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/cmd/internal/submit"
)

// get walks into what YAML decoded, by keys and indexes.
func get(t *testing.T, v any, path ...any) any {
	t.Helper()
	for i, step := range path {
		switch step := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				t.Fatalf("%v is %T, want an object", path[:i], v)
			}
			v = m[step]
		case int:
			list, ok := v.([]any)
			if !ok || len(list) <= step {
				t.Fatalf("%v is %v, want a list of more than %d", path[:i], v, step)
			}
			v = list[step]
		}
	}
	return v
}

func manifest(t *testing.T, k submit.Kubernetes) any {
	t.Helper()
	text, err := k.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return v
}

// expanded is what the kubelet makes of a word: $$ is a dollar sign, and $(NAME) a variable.
func expanded(word string) string {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] == '$' && i+1 < len(word) {
			switch end := strings.IndexByte(word[i:], ')'); {
			case word[i+1] == '$':
				i++
			case word[i+1] == '(' && end > 0:
				b.WriteString("variable")
				i += end
				continue
			}
		}
		b.WriteByte(word[i])
	}
	return b.String()
}

func TestKubernetesPassesEveryWordToTheWorker(t *testing.T) {
	for _, text := range append([]string{strings.Join(hostile, "x")}, hostile...) {
		k := kubernetes()
		k.Study, k.Command = "s"+text, append([]string{"python", text}, hostile...)
		k.Env = []submit.Variable{{Name: "A", Value: text}}
		m := manifest(t, k)
		worker := []any{"spec", "template", "spec", "containers", 0}
		var got []string
		for _, word := range get(t, m, append(worker, "command")...).([]any) {
			got = append(got, expanded(word.(string)))
		}
		want := append([]string{"bluefin", "worker", "--storage=" + k.Storage, "--study-name=" + k.Study, "--grace=1m30s",
			"--"}, k.Command...)
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if got := get(t, m, append(worker, "env", 1, "value")...); expanded(got.(string)) != text {
			t.Errorf("got %q, want %q", got, text)
		}
		if got := get(t, m, "metadata", "annotations", "bluefin/study"); got != k.Study {
			t.Errorf("got %q, want %q", got, k.Study)
		}
	}
}

func TestManifestHoldsWhatWasAskedFor(t *testing.T) {
	k := kubernetes()
	k.Queue, k.Namespace, k.CPUs, k.Memory, k.GPUs, k.CheckpointDir = "no", "null", "500m", "16Gi", 2, "/data/run"
	k.Pull = []string{"registry"}
	for _, text := range []string{"BLUEFIN_TOKEN=bluefin/token"} {
		s, err := submit.ParseSecret(text)
		if err != nil {
			t.Fatal(err)
		}
		k.Secrets = append(k.Secrets, s)
	}
	for _, text := range []string{"data:/data/", "images:/images:ro"} {
		v, err := submit.ParseVolume(text)
		if err != nil {
			t.Fatal(err)
		}
		k.Volumes = append(k.Volumes, v)
	}
	m := manifest(t, k)
	pod := []any{"spec", "template", "spec"}
	worker := append(pod, "containers", 0)
	for _, test := range []struct {
		path []any
		want string
	}{
		{[]any{"metadata"}, "map[annotations:map[bluefin/study:digits] labels:map[app.kubernetes.io/instance:bluefin-digits " +
			"app.kubernetes.io/name:bluefin-worker kueue.x-k8s.io/queue-name:no] name:bluefin-digits namespace:null]"},
		{[]any{"spec", "suspend"}, "true"},
		{[]any{"spec", "completions"}, "8"},
		{[]any{"spec", "parallelism"}, "8"},
		{[]any{"spec", "podFailurePolicy", "rules", 0, "action"}, "Ignore"},
		{[]any{"spec", "podFailurePolicy", "rules", 1, "onExitCodes", "values"}, "[64]"},
		{[]any{"spec", "podFailurePolicy", "rules", 2, "onExitCodes", "values"}, "[75]"},
		{append(slices.Clone(pod), "terminationGracePeriodSeconds"), "120"},
		{append(slices.Clone(pod), "tolerations", 0, "key"), "nvidia.com/gpu"},
		{append(slices.Clone(pod), "imagePullSecrets"), "[map[name:registry]]"},
		{append(slices.Clone(worker), "resources"),
			"map[limits:map[memory:16Gi nvidia.com/gpu:2] requests:map[cpu:500m memory:16Gi]]"},
		{append(slices.Clone(worker), "env"), "[map[name:HOME value:/tmp] " +
			"map[name:BLUEFIN_TOKEN valueFrom:map[secretKeyRef:map[key:token name:bluefin]]]]"},
		{append(slices.Clone(worker), "volumeMounts"), "[map[mountPath:/tmp name:tmp] map[mountPath:/dev/shm name:shm] " +
			"map[mountPath:/data name:volume-0] map[mountPath:/images name:volume-1 readOnly:true]]"},
		{append(slices.Clone(pod), "volumes", 3, "persistentVolumeClaim", "claimName"), "images"},
	} {
		if got := fmt.Sprint(get(t, m, test.path...)); got != test.want {
			t.Errorf("%v:\ngot  %s\nwant %s", test.path, got, test.want)
		}
	}
}

func TestBadManifestsAreRefused(t *testing.T) {
	for want, change := range map[string]func(*submit.Kubernetes){
		`--image is ""`:          func(k *submit.Kubernetes) { k.Image = "" },
		`--image is "a b"`:       func(k *submit.Kubernetes) { k.Image = "a b" },
		"--storage is missing":   func(k *submit.Kubernetes) { k.Storage = "" },
		"--storage and --secret": func(k *submit.Kubernetes) { k.Secrets = []submit.Secret{{"BLUEFIN_STORAGE", "a", "b"}} },
		`--namespace is "A"`:     func(k *submit.Kubernetes) { k.Namespace = "A" },
		`--queue is "-"`:         func(k *submit.Kubernetes) { k.Queue = "-" },
		`--cpus is "0"`:          func(k *submit.Kubernetes) { k.CPUs = "0" },
		`--memory is "500m"`:     func(k *submit.Kubernetes) { k.Memory = "500m" }, // half a byte
		"--gpus is -1":           func(k *submit.Kubernetes) { k.GPUs = -1 },
		"--user is 0":            func(k *submit.Kubernetes) { k.User = 0 },
		"--retries is -1":        func(k *submit.Kubernetes) { k.Retries = -1 },
		"--max-failed is 9":      func(k *submit.Kubernetes) { k.Failures = 9 },
		`--pull-secret is "A"`:   func(k *submit.Kubernetes) { k.Pull = []string{"A"} },
		"--env and --secret set A twice": func(k *submit.Kubernetes) {
			k.Env, k.Secrets = []submit.Variable{{"A", ""}}, []submit.Secret{{"A", "a", "b"}}
		},
		"--volume mounts two claims at /a": func(k *submit.Kubernetes) {
			k.Volumes = []submit.Volume{{Claim: "a", Path: "/a"}, {Claim: "b", Path: "/a"}}
		},
		"--volume mounts a at /tmp": func(k *submit.Kubernetes) { k.Volumes = []submit.Volume{{Claim: "a", Path: "/tmp"}} },
		`--checkpoint-dir is "/a"`:  func(k *submit.Kubernetes) { k.CheckpointDir = "/a" },
		`--checkpoint-dir is "/ab"`: func(k *submit.Kubernetes) {
			k.CheckpointDir, k.Volumes = "/ab", []submit.Volume{{Claim: "a", Path: "/a"}}
		},
		`--checkpoint-dir is "/a/b"`: func(k *submit.Kubernetes) { k.CheckpointDir, k.Volumes = "/a/b", []submit.Volume{{"a", "/a", true}} },
		`--checkpoint-dir is "/a/../b"`: func(k *submit.Kubernetes) {
			k.CheckpointDir, k.Volumes = "/a/../b", []submit.Volume{{Claim: "a", Path: "/a"}}
		},
	} {
		k := kubernetes()
		change(&k)
		if _, err := k.Manifest(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, text := range []string{"", "A", "=b", "A=b", "A=B/c", "A=b/", "A=b/c d", "1=b/c", "A=b/c/d"} {
		if s, err := submit.ParseSecret(text); err == nil {
			t.Errorf("ParseSecret(%q) = %v, want an error", text, s)
		}
	}
	for _, text := range []string{"", "a", "a:", "a:b", "a:/", "A:/b", "a:/b:rw", "a:/b:ro:ro", ":/b", "a:/../"} {
		if v, err := submit.ParseVolume(text); err == nil {
			t.Errorf("ParseVolume(%q) = %v, want an error", text, v)
		}
	}
	for _, text := range []string{"", "A", "=b", "1=b", "A B=c"} {
		if v, err := submit.ParseVariable(text); err == nil {
			t.Errorf("ParseVariable(%q) = %v, want an error", text, v)
		}
	}
}
