// Package cluster runs a Job of bluefin submit by Kubernetes' own API server and Job controller, with
// processes of this machine as pods.
package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/kubernetes/third_party/forked/golang/expansion"
)

// A Kubelet is a node whose pods are processes: it starts the first container of each pod that is bound
// to it, reports its state, and ends it by SIGTERM and, after the grace period, SIGKILL. There are no
// images, and no isolation but the user: a volume is the folder of that name on this machine.
type Kubelet struct {
	Client   kubernetes.Interface
	Node     string
	Programs string // a folder of programs: what images have beside the system's
	Logs     string // a folder that gets a file for each pod
	Started  func(pod *core.Pod, pid int)

	mu   sync.Mutex
	pods map[types.UID]*process
}

// A process is a pod that was started.
type process struct {
	pod     *core.Pod
	cmd     *exec.Cmd // nil: it could not be started
	stopped bool      // it has got SIGTERM
	ended   bool      // and its state was reported
}

// Run works until ctx ends.
func (k *Kubelet) Run(ctx context.Context) error {
	k.pods = map[types.UID]*process{}
	node := &core.Node{ObjectMeta: meta.ObjectMeta{Name: k.Node}}
	if _, err := k.Client.CoreV1().Nodes().Create(ctx, node, meta.CreateOptions{}); err != nil {
		return err
	}
	mine := meta.ListOptions{FieldSelector: "spec.nodeName=" + k.Node}
	for {
		list, err := k.Client.CoreV1().Pods("").List(ctx, mine)
		if err != nil {
			return errors.Join(err, ctx.Err())
		}
		mine.ResourceVersion = list.ResourceVersion
		for i := range list.Items {
			k.sync(ctx, &list.Items[i])
		}
		watch, err := k.Client.CoreV1().Pods("").Watch(ctx, mine)
		if err != nil {
			return errors.Join(err, ctx.Err())
		}
		for event := range watch.ResultChan() {
			if pod, ok := event.Object.(*core.Pod); ok {
				k.sync(ctx, pod)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		mine.ResourceVersion = ""
	}
}

// sync does what the pod's record asks for.
func (k *Kubelet) sync(ctx context.Context, pod *core.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.pods[pod.UID]
	deleted := pod.DeletionTimestamp != nil
	switch {
	case p == nil && !deleted && pod.Status.Phase == core.PodPending:
		p = &process{pod: pod}
		k.pods[pod.UID] = p
		k.start(ctx, p)
	case deleted && (p == nil || p.ended):
		k.remove(ctx, pod)
	case deleted && !p.stopped:
		p.stopped = true
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		time.AfterFunc(time.Duration(*pod.DeletionGracePeriodSeconds)*time.Second, func() {
			_ = p.cmd.Process.Kill() // no effect once it has been waited for
		})
	}
}

// start starts the process, and a goroutine that waits for it.
func (k *Kubelet) start(ctx context.Context, p *process) {
	now := meta.Now()
	cmd, err := k.command(ctx, p.pod)
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		// 128 is what container runtimes report.
		go k.end(ctx, p, core.ContainerStateTerminated{ExitCode: 128, Reason: "StartError", Message: err.Error(),
			StartedAt: now, FinishedAt: now})
		return
	}
	p.cmd = cmd
	if k.Started != nil {
		k.Started(p.pod, cmd.Process.Pid)
	}
	k.report(ctx, p.pod, core.PodRunning, core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: now}})
	go func() {
		_ = cmd.Wait() // the state below says it all
		killSession(cmd.Process.Pid)
		code := cmd.ProcessState.ExitCode()
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			code = 128 + int(status.Signal())
		}
		k.end(ctx, p, core.ContainerStateTerminated{ExitCode: int32(code), StartedAt: now, FinishedAt: meta.Now()})
	}()
}

// killSession ends what a process has started, as a container ends with its first process.
func killSession(leader int) {
	all, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range all {
		text, _ := os.ReadFile(path) // it may be gone
		_, rest, _ := strings.Cut(string(text), ") ")
		// State, parent, group, session.
		if f := strings.Fields(rest); len(f) > 3 && f[3] == strconv.Itoa(leader) {
			pid, _ := strconv.Atoi(strings.Split(path, "/")[2])
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// end reports how a container ended.
func (k *Kubelet) end(ctx context.Context, p *process, how core.ContainerStateTerminated) {
	phase := core.PodSucceeded
	if how.ExitCode != 0 {
		phase = core.PodFailed
	}
	k.report(ctx, p.pod, phase, core.ContainerState{Terminated: &how})
	k.mu.Lock()
	defer k.mu.Unlock()
	if p.ended = true; p.stopped {
		k.remove(ctx, p.pod)
	}
}

func (k *Kubelet) report(ctx context.Context, pod *core.Pod, phase core.PodPhase, state core.ContainerState) {
	c := pod.Spec.Containers[0]
	patch, err := json.Marshal(map[string]any{"status": core.PodStatus{Phase: phase, StartTime: &meta.Time{Time: time.Now()},
		ContainerStatuses: []core.ContainerStatus{{Name: c.Name, Image: c.Image, Ready: phase == core.PodRunning, State: state}}}})
	if err == nil {
		_, err = k.Client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch,
			meta.PatchOptions{}, "status")
	}
	if err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
		panic(fmt.Sprintf("cluster: status of pod %s: %v", pod.Name, err))
	}
}

// remove ends the deletion of a pod that has no process any more.
func (k *Kubelet) remove(ctx context.Context, pod *core.Pod) {
	now := int64(0)
	err := k.Client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, meta.DeleteOptions{GracePeriodSeconds: &now,
		Preconditions: &meta.Preconditions{UID: &pod.UID}})
	if err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
		panic(fmt.Sprintf("cluster: deletion of pod %s: %v", pod.Name, err))
	}
}

// command is what the container runs, by its user, with its variables.
func (k *Kubelet) command(ctx context.Context, pod *core.Pod) (*exec.Cmd, error) {
	c := pod.Spec.Containers[0]
	values := map[string]string{"PATH": k.Programs + ":/usr/bin:/bin", "HOSTNAME": pod.Spec.Hostname}
	for _, v := range c.Env {
		value, err := k.value(ctx, pod, v, values)
		if err != nil {
			return nil, err
		}
		values[v.Name] = value
	}
	var words []string
	for _, word := range append(c.Command, c.Args...) {
		words = append(words, expansion.Expand(word, expansion.MappingFuncFor(values)))
	}
	program := words[0]
	if !filepath.IsAbs(program) {
		program = filepath.Join(k.Programs, program)
	}
	log, err := os.OpenFile(filepath.Join(k.Logs, pod.Name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has it
	cmd := &exec.Cmd{Path: program, Args: words, Dir: "/tmp", Stdout: log, Stderr: log}
	for name, value := range values {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if user := pod.Spec.SecurityContext.RunAsUser; user != nil && os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(*user), Gid: uint32(*pod.Spec.SecurityContext.RunAsGroup)}
	}
	return cmd, nil
}

// value is what a variable is set to.
func (k *Kubelet) value(ctx context.Context, pod *core.Pod, v core.EnvVar, others map[string]string) (string, error) {
	switch from := v.ValueFrom; {
	case from == nil:
		return expansion.Expand(v.Value, expansion.MappingFuncFor(others)), nil
	case from.SecretKeyRef != nil:
		secret, err := k.Client.CoreV1().Secrets(pod.Namespace).Get(ctx, from.SecretKeyRef.Name, meta.GetOptions{})
		if err != nil {
			return "", err
		}
		value, ok := secret.Data[from.SecretKeyRef.Key]
		if !ok {
			return "", fmt.Errorf("secret %s has no key %s", secret.Name, from.SecretKeyRef.Key)
		}
		return string(value), nil
	case from.FieldRef != nil:
		for name, value := range pod.Annotations {
			if from.FieldRef.FieldPath == "metadata.annotations['"+name+"']" {
				return value, nil
			}
		}
		for name, value := range pod.Labels {
			if from.FieldRef.FieldPath == "metadata.labels['"+name+"']" {
				return value, nil
			}
		}
	}
	return "", errors.New("variable " + strconv.Quote(v.Name) + " comes from what this node does not know")
}
