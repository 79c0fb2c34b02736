package submit

import (
	_ "embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v4"

	"github.com/bluefin-hpo/bluefin/internal/pyyaml"
)

// Kubernetes is an Indexed Job, with one index for each worker.
type Kubernetes struct {
	Workers
	Image     string // has the program and what trials run
	Namespace string // "": that of kubectl
	Queue     string // of Kueue; "": none
	CPUs      string // of each worker, such as 4 or 500m; "": no request
	Memory    string // of each worker, such as 16Gi; "": no request
	GPUs      int    // of each worker, of NVIDIA
	User      int    // who runs it, by number
	Retries   int    // of each worker
	Failures  int    // how many workers may fail for good before the others are stopped; -1: half of them
	Env       []Variable
	Secrets   []Secret
	Volumes   []Volume
	Pull      []string // secrets for the image's registry
}

// A Variable of the environment has a value.
type Variable struct{ Name, Value string }

// A Secret is a variable whose value is a key of a secret.
type Secret struct{ Name, Secret, Key string }

// A Volume is a persistent volume claim and where it is mounted.
type Volume struct {
	Claim, Path string
	ReadOnly    bool
}

var (
	kubernetesCPUs   = regexp.MustCompile(`^([1-9][0-9]*m?|0\.[0-9]*[1-9]|[1-9][0-9]*\.[0-9]+)$`)
	kubernetesMemory = regexp.MustCompile(`^[1-9][0-9]*(Ki|Mi|Gi|Ti|k|M|G|T)?$`)
	objectName       = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	secretKey        = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	variableName     = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// ParseVariable reads NAME=VALUE.
func ParseVariable(text string) (v Variable, err error) {
	var ok bool
	if v.Name, v.Value, ok = strings.Cut(text, "="); !ok || !variableName.MatchString(v.Name) {
		return Variable{}, fmt.Errorf("--env is %q, want NAME=VALUE", text)
	}
	switch v.Name {
	case "PGPASSWORD", "BLUEFIN_TOKEN", "BLUEFIN_STORAGE":
		return Variable{}, fmt.Errorf("--env has %[1]s, which everybody can read there, want --secret %[1]s=SECRET/KEY", v.Name)
	}
	return v, nil
}

// ParseSecret reads NAME=SECRET/KEY.
func ParseSecret(text string) (s Secret, err error) {
	name, from, _ := strings.Cut(text, "=")
	object, key, _ := strings.Cut(from, "/")
	if !variableName.MatchString(name) || !isObject(object) || !secretKey.MatchString(key) {
		err = fmt.Errorf("--secret is %q, want NAME=SECRET/KEY, such as BLUEFIN_STORAGE=bluefin/url", text)
	}
	return Secret{name, object, key}, err
}

// ParseVolume reads CLAIM:PATH or CLAIM:PATH:ro.
func ParseVolume(text string) (v Volume, err error) {
	v.Claim, v.Path, _ = strings.Cut(text, ":")
	v.Path, v.ReadOnly = strings.CutSuffix(v.Path, ":ro")
	if !isObject(v.Claim) || !path.IsAbs(v.Path) || path.Clean(v.Path) == "/" || strings.Contains(v.Path, ":") {
		err = fmt.Errorf("--volume is %q, want CLAIM:/PATH or CLAIM:/PATH:ro", text)
	}
	v.Path = path.Clean(v.Path)
	return v, err
}

// isObject reports whether a name is one that Kubernetes takes for secrets and claims.
func isObject(name string) bool { return len(name) <= 253 && objectName.MatchString(name) }

//go:embed job.yaml.tmpl
var jobText string

// Manifest returns the Job.
func (k Kubernetes) Manifest() (string, error) {
	name, err := k.JobName()
	if err == nil {
		err = k.check()
	}
	if err != nil {
		return "", err
	}
	if k.Failures == -1 {
		k.Failures = k.Count / 2
	}
	if !slices.Contains(k.variables(), "HOME") { // most programs keep caches there, and only /tmp is writable
		k.Env = append([]Variable{{"HOME", "/tmp"}}, k.Env...)
	}
	var text strings.Builder
	err = template.Must(template.New("job").Funcs(template.FuncMap{"yaml": yamlScalar, "fixed": fixed}).
		Parse(jobText)).Execute(&text, map[string]any{"K": k, "Name": name, "Line": k.line(),
		"Stop": seconds(k.Grace + margin)})
	return text.String(), err
}

func (k Kubernetes) check() error {
	if err := k.Workers.Check(); err != nil {
		return err
	}
	storage := slices.Contains(k.variables(), "BLUEFIN_STORAGE")
	switch {
	case k.Image == "" || strings.ContainsFunc(k.Image, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return fmt.Errorf("--image is %q, want the name of an image with bluefin and the program", k.Image)
	case k.Storage == "" && !storage:
		return fmt.Errorf("--storage is missing, want a URL, or --secret BLUEFIN_STORAGE=SECRET/KEY")
	case k.Storage != "" && storage:
		return fmt.Errorf("--storage and --secret BLUEFIN_STORAGE are both given, want one")
	case k.Namespace != "" && (!label.MatchString(k.Namespace) || len(k.Namespace) > maxLabel):
		return fmt.Errorf("--namespace is %q, want a-z, 0-9 and -, at most %d", k.Namespace, maxLabel)
	case k.Queue != "" && (!label.MatchString(k.Queue) || len(k.Queue) > maxLabel):
		return fmt.Errorf("--queue is %q, want a-z, 0-9 and -, at most %d", k.Queue, maxLabel)
	case k.CPUs != "" && !kubernetesCPUs.MatchString(k.CPUs):
		return fmt.Errorf("--cpus is %q, want a number such as 4, 0.5 or 500m", k.CPUs)
	case k.Memory != "" && !kubernetesMemory.MatchString(k.Memory):
		return fmt.Errorf("--memory is %q, want a whole number with Ki, Mi, Gi or Ti", k.Memory)
	case k.GPUs < 0:
		return fmt.Errorf("--gpus is %d, want at least 0", k.GPUs)
	case k.User < 1 || k.User > 1<<31-1:
		return fmt.Errorf("--user is %d, want the number of a user other than root", k.User)
	case k.Retries < 0 || k.Retries > 1000:
		return fmt.Errorf("--retries is %d, want 0 to 1000", k.Retries)
	case k.Failures < -1 || k.Failures > k.Count:
		return fmt.Errorf("--max-failed is %d, want 0 to the number of workers, %d, or -1 for half", k.Failures, k.Count)
	}
	for _, name := range k.Pull {
		if !isObject(name) {
			return fmt.Errorf("--pull-secret is %q, want the name of a secret", name)
		}
	}
	return k.checkMounts()
}

// checkMounts compares lists with each other.
func (k Kubernetes) checkMounts() error {
	names := k.variables()
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("--env and --secret set %s twice", name)
		}
	}
	for i, v := range k.Volumes {
		if v.Path == "/tmp" || v.Path == "/dev/shm" {
			return fmt.Errorf("--volume mounts %s at %s, want another path: each pod has its own folder there", v.Claim, v.Path)
		}
		if slices.ContainsFunc(k.Volumes[:i], func(o Volume) bool { return o.Path == v.Path }) {
			return fmt.Errorf("--volume mounts two claims at %s", v.Path)
		}
	}
	on := func(v Volume) bool { return !v.ReadOnly && inside(k.CheckpointDir, v.Path) }
	if k.CheckpointDir != "" && !slices.ContainsFunc(k.Volumes, on) {
		return fmt.Errorf("--checkpoint-dir is %q, want a folder below the path of a writable --volume: other folders end "+
			"with their pod", k.CheckpointDir)
	}
	return nil
}

// variables returns the names that --env and --secret set.
func (k Kubernetes) variables() (names []string) {
	for _, v := range k.Env {
		names = append(names, v.Name)
	}
	for _, s := range k.Secrets {
		names = append(names, s.Name)
	}
	return names
}

// yamlScalar writes text so that YAML reads it back as that text.
func yamlScalar(text string) (string, error) {
	out, err := yaml.Marshal(pyyaml.Node(text))
	return strings.TrimSuffix(string(out), "\n"), err
}

// fixed is yamlScalar for the words of a command and the environment, where $(NAME) would become a
// variable and $$ a dollar sign.
func fixed(text string) (string, error) { return yamlScalar(strings.ReplaceAll(text, "$", "$$")) }
