package cluster

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// A controlPlane is etcd, the API server and the controllers of a cluster.
type controlPlane struct {
	client     kubernetes.Interface
	kubeconfig string
}

// start starts one, which ends with the test. It needs etcd, and the programs that make kubernetes builds.
func start(t *testing.T) *controlPlane {
	dir := t.TempDir()
	bin := os.Getenv("BLUEFIN_KUBERNETES")
	if bin == "" {
		t.Skip("BLUEFIN_KUBERNETES does not name a folder with kube-apiserver and kube-controller-manager: make kubernetes")
	}
	etcd, server := port(t), port(t)
	run(t, dir, "etcd", "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls", url("http", etcd),
		"--advertise-client-urls", url("http", etcd), "--listen-peer-urls", "http://127.0.0.1:0",
		"--initial-advertise-peer-urls", "http://127.0.0.1:0", "--initial-cluster", "default=http://127.0.0.1:0")
	key, tokens := filepath.Join(dir, "key.pem"), filepath.Join(dir, "tokens")
	writeKey(t, key)
	write(t, tokens, "secret,admin,admin,system:masters\n")
	run(t, dir, filepath.Join(bin, "kube-apiserver"), "--etcd-servers", url("http", etcd), "--bind-address", "127.0.0.1",
		"--secure-port", fmt.Sprint(server), "--cert-dir", filepath.Join(dir, "certs"), "--token-auth-file", tokens,
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", key,
		"--service-account-signing-key-file", key, "--service-cluster-ip-range", "10.0.0.0/24", "--authorization-mode", "RBAC")
	c := &controlPlane{kubeconfig: filepath.Join(dir, "kubeconfig")}
	write(t, c.kubeconfig, fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
clusters: [{name: test, cluster: {server: "%s", insecure-skip-tls-verify: true}}]
users: [{name: test, user: {token: secret}}]
contexts: [{name: test, context: {cluster: test, user: test}}]
`, url("https", server)))
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	check(t, err)
	config.QPS, config.Burst = 1000, 1000
	c.client, err = kubernetes.NewForConfig(config)
	check(t, err)
	eventually(t, 3*time.Minute, "the API server answers", func() error {
		_, err := c.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(t.Context())
		return err
	})
	run(t, dir, filepath.Join(bin, "kube-controller-manager"), "--kubeconfig", c.kubeconfig, "--leader-elect=false",
		"--secure-port", "0", "--service-account-private-key-file", key,
		"--controllers", "job-controller,serviceaccount-controller,namespace-controller,garbage-collector-controller,"+
			"ttl-after-finished-controller,disruption-controller")
	return c
}

// run starts a program that ends with the test. Its output is in a file, which a failed test prints.
func run(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	path := filepath.Join(dir, filepath.Base(program)+".log")
	log, err := os.Create(path)
	check(t, err)
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	check(t, cmd.Start())
	check(t, log.Close())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		timer.Stop()
		if t.Failed() {
			text, _ := os.ReadFile(path)
			t.Logf("the end of the output of %s:\n%s", filepath.Base(program), text[max(0, len(text)-2000):])
		}
	})
}

func port(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func url(scheme string, port int) string { return fmt.Sprintf("%s://127.0.0.1:%d", scheme, port) }

func writeKey(t *testing.T, path string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	write(t, path, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	check(t, os.WriteFile(path, []byte(text), 0o644))
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually tries until there is no error.
func eventually(t *testing.T, patience time.Duration, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %s: %v", patience, what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
