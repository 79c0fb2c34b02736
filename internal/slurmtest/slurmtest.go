//go:build unix

// Package slurmtest starts a real Slurm for tests: a controller and one node on loopback, as Debian's
// slurm-wlm and munge have them. It needs neither systemd nor cgroups, and nothing of it is left.
package slurmtest

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A Cluster is a running Slurm with 8 CPUs, more than there may be.
type Cluster struct {
	dir string
}

// retry is how long a requeued job waits, in seconds: the life of a credential, which is 2 minutes elsewhere.
const retry = 5

// Start starts a cluster that ends with the test. The lines are further ones of slurm.conf. Without Slurm it skips the test, or fails it if CI is true.
func Start(tb testing.TB, lines ...string) *Cluster {
	tb.Helper()
	for _, program := range []string{"munged", "slurmctld", "slurmd", "sbatch"} {
		if _, err := lookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				tb.Fatalf("%s is missing: apt-get install slurm-wlm munge", program)
			}
			tb.Skipf("there is no %s: apt-get install slurm-wlm munge", program)
		}
	}
	dir, err := os.MkdirTemp("", "slurm") // short: sockets have short paths
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	c := &Cluster{dir: dir}
	if err := c.configure(lines); err != nil {
		tb.Fatal(err)
	}
	c.daemon(tb, "munged", "--foreground", "--force", "--key-file="+c.path("munge.key"), "--socket="+c.path("munge.socket"),
		"--pid-file="+c.path("munged.pid"), "--log-file="+c.path("munged.log"), "--seed-file="+c.path("munged.seed"))
	c.await(tb, "munged", func() bool { _, err := os.Stat(c.path("munge.socket")); return err == nil })
	c.daemon(tb, "slurmctld", "-D", "-c", "-f", c.path("slurm.conf"))
	c.daemon(tb, "slurmd", "-D", "-f", c.path("slurm.conf"), "-N", "node")
	c.await(tb, "slurmd", func() bool { return strings.TrimSpace(c.output("sinfo", "-h", "-o", "%T")) == "idle" })
	return c
}

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

func (c *Cluster) configure(lines []string) error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	host, _, _ = strings.Cut(host, ".")
	for _, name := range []string{"state", "spool"} {
		if err := os.Mkdir(c.path(name), 0o755); err != nil {
			return err
		}
	}
	key := make([]byte, 1024)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	if err := os.WriteFile(c.path("munge.key"), key, 0o600); err != nil {
		return err
	}
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	return os.WriteFile(c.path("slurm.conf"), fmt.Appendf(nil, `ClusterName=bluefin
SlurmctldHost=%[1]s(127.0.0.1)
SlurmctldPort=%[2]d
SlurmUser=%[3]s
SlurmdUser=%[3]s
AuthType=auth/munge
AuthInfo=socket=%[4]s/munge.socket,cred_expire=%[6]d
StateSaveLocation=%[4]s/state
SlurmdSpoolDir=%[4]s/spool
SlurmctldPidFile=%[4]s/slurmctld.pid
SlurmdPidFile=%[4]s/slurmd.pid
SlurmctldLogFile=%[4]s/slurmctld.log
SlurmdLogFile=%[4]s/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=2
KillWait=5
MailProg=/bin/true
NodeName=node NodeHostname=%[1]s NodeAddr=127.0.0.1 Port=%[5]d CPUs=8 State=UNKNOWN
PartitionName=all Nodes=node Default=YES MaxTime=INFINITE State=UP
%[7]s
`, host, ports[0], me.Username, c.dir, ports[1], retry, strings.Join(lines, "\n")), 0o644)
}

// freePorts returns ports that nothing listens on.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// lookPath also looks where Debian has programs for root.
func lookPath(program string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return exec.LookPath(filepath.Join("/usr/sbin", program))
	}
	return path, nil
}

// daemon starts a program in the foreground, which ends with the test.
func (c *Cluster) daemon(tb testing.TB, program string, args ...string) {
	tb.Helper()
	path, err := lookPath(program)
	if err != nil {
		tb.Fatal(err)
	}
	log, err := os.Create(c.path(program + ".out"))
	if err != nil {
		tb.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "SLURM_CONF="+c.path("slurm.conf"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tb.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	})
}

// await waits until a daemon is ready, and shows its log if it never is.
func (c *Cluster) await(tb testing.TB, program string, ready func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(time.Minute); !ready(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("%s is not ready:\n%s", program, c.Logs())
		}
	}
}

// Logs returns what the daemons have logged.
func (c *Cluster) Logs() string {
	var all strings.Builder
	for _, name := range []string{"munged", "slurmctld", "slurmd"} {
		for _, ext := range []string{".out", ".log"} {
			text, _ := os.ReadFile(c.path(name + ext))
			lines := strings.Split(strings.TrimSpace(string(text)), "\n")
			all.WriteString(strings.Join(lines[max(0, len(lines)-15):], "\n") + "\n")
		}
	}
	return all.String()
}

// Command returns a command of Slurm's, such as sbatch, for this cluster.
func (c *Cluster) Command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "SLURM_CONF="+c.path("slurm.conf"))
	return cmd
}

func (c *Cluster) output(name string, args ...string) string {
	out, _ := c.Command(name, args...).Output()
	return string(out)
}

// Run runs a command of Slurm's and returns what it prints.
func (c *Cluster) Run(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	out, err := c.Command(name, args...).CombinedOutput()
	if err != nil {
		tb.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// Drained waits until no job is queued or running. Otherwise it fails the test.
func (c *Cluster) Drained(tb testing.TB, patience time.Duration) {
	tb.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(500 * time.Millisecond) {
		left := c.Run(tb, "squeue", "-h", "-r", "-o", "%i %T %r")
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("jobs are left after %v:\n%s\n%s", patience, left, c.Logs())
		}
	}
}
