package kernel

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestTheVariablePinsTheKernel(t *testing.T) {
	all := []Kernel{Generic, AVX2, AVX512}
	for _, c := range []struct {
		name           string
		available      []Kernel
		kernel, vector Kernel
		err            string
	}{
		{"", all, AVX512, AVX512, ""},
		{"", all[:1], Generic, Generic, ""},
		{"generic", all, Generic, Generic, ""},
		{"avx2", all, AVX2, AVX2, ""},
		{"avx512", all, AVX512, AVX512, ""},
		{"", append(all[:3:3], OpenBLAS), OpenBLAS, AVX512, ""},
		{"", []Kernel{Generic, OpenBLAS}, OpenBLAS, Generic, ""},
		{"avx2", append(all[:3:3], OpenBLAS), AVX2, AVX2, ""},
		{"avx512", all[:2], AVX2, AVX2, `BLUEFIN_KERNEL is "avx512", want one of generic, avx2 on this machine`},
		{"openblas", all, AVX512, AVX512, `BLUEFIN_KERNEL is "openblas", want one of generic, avx2, avx512 on this machine`},
		{"AVX2", all, AVX512, AVX512, `is "AVX2"`},
	} {
		got := choose(c.name, c.available)
		if got.kernel != c.kernel || got.vector != c.vector {
			t.Errorf("%q of %v: %v and %v, want %v and %v", c.name, c.available, got.kernel, got.vector, c.kernel, c.vector)
		}
		if message := errorText(got.err); c.err == "" && message != "" || !strings.Contains(message, c.err) {
			t.Errorf("%q of %v: the error is %q, want %q", c.name, c.available, message, c.err)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// The environment is read once, so that each value takes a process of its own.
func TestTheEnvironmentIsRead(t *testing.T) {
	if os.Getenv("KERNEL_TEST") != "" {
		os.Stdout.WriteString("kernel " + Name() + " error " + errorText(Check()) + "\n")
		return
	}
	last := Available()[len(Available())-1].String()
	for value, want := range map[string]string{
		"":        "kernel " + last + " error \n",
		"generic": "kernel generic error \n",
		"fast":    "kernel " + last + ` error BLUEFIN_KERNEL is "fast", want one of `,
	} {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestTheEnvironmentIsRead$")
		cmd.Env = append(os.Environ(), "KERNEL_TEST=1", Variable+"="+value)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("with %q: %v, %s, want %q", value, err, out, want)
		}
	}
}

// A register beyond the sixteenth would be one of AVX-512.
func TestFunctionsForAVX2HaveSixteenRegisters(t *testing.T) {
	for _, file := range []string{"gemm_amd64.s", "pack_amd64.s", "vector_amd64.s"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, function := range strings.Split(string(text), "\nTEXT ")[1:] {
			name, body, _ := strings.Cut(function, "(")
			if strings.HasSuffix(name, "AVX512") {
				continue
			}
			for _, word := range strings.FieldsFunc(body, func(r rune) bool { return strings.ContainsRune(" ,\t\n()*", r) }) {
				if len(word) == 3 && strings.ContainsAny(word[:1], "XY") && word[1:] >= "16" && word[1:] <= "31" ||
					len(word) > 1 && word[0] == 'Z' && word[1] <= '9' || len(word) == 2 && word[0] == 'K' {
					t.Errorf("%s: %s has the register %s", file, name, word)
				}
			}
			if strings.Count(body, "VZEROUPPER") == 0 || strings.Count(body, "VZEROUPPER") != strings.Count(body, "\tRET\n") {
				t.Errorf("%s: %s returns with dirty registers", file, name)
			}
		}
	}
}
