package process

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestGone(t *testing.T) {
	if Gone(Self()) {
		t.Error("this process is gone by its own name")
	}
	if os.Getenv("BLUEFIN_PROCESS_CHILD") != "" {
		os.Stdout.WriteString("self:" + Self() + "\n")
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=TestGone")
	cmd.Env = append(os.Environ(), "BLUEFIN_PROCESS_CHILD=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(out), "self:")
	child, _, _ := strings.Cut(rest, "\n")
	if child == "" {
		t.Fatalf("the child said %q", out)
	}
	if !Gone(child) {
		t.Errorf("%s has ended and is not gone", child)
	}
	for _, name := range []string{"", "elsewhere 1@1", `"other" x y 999999@5`, Machine() + " x@1"} {
		if Gone(name) {
			t.Errorf("%q is gone, but nobody can know", name)
		}
	}
	self := Self()
	if !Gone(self[:strings.LastIndexByte(self, '@')] + "@1") {
		t.Error("a process of this number that started at another time is not gone")
	}
}

func TestParse(t *testing.T) {
	own, _ := os.Hostname()
	if host, pid := Parse(Self()); host != own || pid != os.Getpid() {
		t.Errorf("this process is %q %d by its name %s", host, pid, Self())
	}
	for name, want := range map[string]string{`"a \"b\" c" 7 pid:[1] 12@34`: `a "b" c`, `"a" 7 x@1`: "", "a 7": "", "": "", `"`: ""} {
		if host, _ := Parse(name); host != want {
			t.Errorf("%s: got host %q, want %q", name, host, want)
		}
	}
}
