// Package k8stest decodes the manifests of deploy and of bluefin submit as Kubernetes does.
package k8stest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// decode reads one document into its type. Unknown and repeated fields are errors.
func decode(text []byte) (any, error) {
	var kind struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(text, &kind); err != nil {
		return nil, err
	}
	var object any
	switch kind.APIVersion + " " + kind.Kind {
	case "batch/v1 Job":
		object = &batch.Job{}
	case "apps/v1 StatefulSet":
		object = &apps.StatefulSet{}
	case "v1 Service":
		object = &core.Service{}
	default:
		return nil, fmt.Errorf("no type for %q of %q", kind.Kind, kind.APIVersion)
	}
	return object, yaml.UnmarshalStrict(text, object)
}

// all decodes a file of several documents.
func all(t *testing.T, text []byte) (objects []any) {
	t.Helper()
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		object, err := decode(document)
		if err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		objects = append(objects, object)
	}
	return objects
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Each line with a key is misspelt once, and must be refused. Labels, annotations, requests and the
// like take any key.
func TestMisspeltFieldsAreRefused(t *testing.T) {
	text := string(read(t, "job.yaml"))
	lines := strings.Split(text, "\n")
	refused := 0
	for i, line := range lines {
		key, _, ok := strings.Cut(line, ":")
		name := strings.TrimLeft(key, " -")
		if !ok || name == "" || strings.ContainsAny(name, `#"./`) || name == "cpu" || name == "memory" {
			continue
		}
		bad := strings.Replace(line, name+":", name+"x:", 1)
		document := strings.Join(append(append(append([]string{}, lines[:i]...), bad), lines[i+1:]...), "\n")
		if _, err := decode([]byte(document)); err == nil {
			t.Errorf("%s is taken", strings.TrimSpace(bad))
		}
		refused++
	}
	if refused < 60 {
		t.Errorf("only %d fields were tried", refused)
	}
	if _, err := decode([]byte(text)); err != nil {
		t.Error(err)
	}
}

// The workers of job.yaml reach the server of postgres.yaml.
func TestJobAndDatabaseFitTogether(t *testing.T) {
	objects := all(t, read(t, "postgres.yaml"))
	service, database := objects[0].(*core.Service), objects[1].(*apps.StatefulSet)
	job := all(t, read(t, "job.yaml"))[0].(*batch.Job)
	server, worker := database.Spec.Template.Spec.Containers[0], job.Spec.Template.Spec.Containers[0]
	env := func(c core.Container, name string) core.EnvVar {
		for _, v := range c.Env {
			if v.Name == name {
				return v
			}
		}
		t.Fatalf("%s has no variable %s", c.Name, name)
		return core.EnvVar{}
	}
	url := fmt.Sprintf("--storage=postgresql://%s@%s/%s", env(server, "POSTGRES_USER").Value, service.Name,
		env(server, "POSTGRES_DB").Value)
	if worker.Command[2] != url {
		t.Errorf("workers have %s, want %s", worker.Command[2], url)
	}
	password, secret := env(worker, "PGPASSWORD").ValueFrom.SecretKeyRef, env(server, "POSTGRES_PASSWORD").ValueFrom.SecretKeyRef
	if *password != *secret {
		t.Errorf("workers have the password %v, the server %v", password, secret)
	}
	if !bytes.Contains(read(t, "postgres.yaml"), fmt.Appendf(nil, "create secret generic %s --from-literal=%s=", secret.Name,
		secret.Key)) {
		t.Errorf("postgres.yaml does not say how to make secret %s", secret.Name)
	}
	for name, value := range service.Spec.Selector {
		if database.Spec.Template.Labels[name] != value || database.Spec.Selector.MatchLabels[name] != value {
			t.Errorf("the service selects %s=%s, which the pods do not have", name, value)
		}
	}
	if service.Spec.Ports[0].TargetPort.StrVal != server.Ports[0].Name || database.Spec.ServiceName != service.Name {
		t.Error("the service leads to another port or pod")
	}
}

// What submit prints is decoded to what was asked for, whatever the names are.
func TestSubmittedJobsAreDecoded(t *testing.T) {
	program := filepath.Join(t.TempDir(), "bluefin")
	build := exec.Command("go", "build", "-o", program, "./cmd/bluefin")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, study := range []string{"digits", "a: b\n---\nkind: Pod", `"'\`, "研究\u2028é", "{{.}}", "*a", "!!x", "# no", "no",
		"$(HOME)$$"} {
		out, err := exec.Command(program, "submit", "kubernetes", "--dry-run", "--study-name", study, "--image", "i",
			"--storage", "http://bluefin:13000", "--queue", "gpus", "--namespace", "team", "--secret", "BLUEFIN_TOKEN=a/b",
			"--env", "A="+study, "--cpus", "500m", "--memory", "16Gi", "--gpus", "2", "--workers", "12", "--retries", "0",
			"--max-failed", "3", "--pull-secret", "registry", "--volume", "data:/data", "--volume", "in:/in:ro",
			"--checkpoint-dir", "/data/"+study, "--grace", "30s", "--", "python", study).Output()
		if err != nil {
			t.Fatal(err)
		}
		objects := all(t, out)
		if len(objects) != 1 {
			t.Fatalf("%q: got %d documents, want 1:\n%s", study, len(objects), out)
		}
		job := objects[0].(*batch.Job)
		pod := job.Spec.Template.Spec
		worker := pod.Containers[0]
		word := strings.ReplaceAll(study, "$", "$$")
		got := fmt.Sprintln(worker.Command[3], worker.Command[len(worker.Command)-2:], worker.Env[1].Value, *job.Spec.Completions,
			*job.Spec.Parallelism, *job.Spec.BackoffLimitPerIndex, *job.Spec.MaxFailedIndexes, *job.Spec.Suspend,
			*job.Spec.PodReplacementPolicy, *pod.TerminationGracePeriodSeconds, job.Labels["kueue.x-k8s.io/queue-name"],
			job.Annotations["bluefin/study"], worker.Resources.Requests.Cpu(), worker.Resources.Limits.Memory(),
			worker.Resources.Limits.Name("nvidia.com/gpu", "DecimalSI"))
		want := fmt.Sprintln("--study-name="+word, []string{"python", word}, word, 12, 12, 0, 3, true, "Failed", 60, "gpus", study,
			"500m", "16Gi", "2")
		if got != want {
			t.Errorf("got\n%q, want\n%q", got, want)
		}
	}
}
