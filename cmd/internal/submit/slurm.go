package submit

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// Slurm is an array of batch jobs, one for each worker.
type Slurm struct {
	Workers
	Limit     int    // how many run at once; 0: all
	CPUs      int    // of each worker; 0: as the cluster likes
	Memory    string // of each worker, such as 16G; "": as the cluster likes
	GPUs      string // of each worker: a number, which may follow a type and a colon; "0": none
	Time      string // the time limit of a worker, as Slurm writes it; "": that of the partition
	Partition string
	Account   string
	QOS       string
	Output    string   // the pattern of the log's name; "": bluefin-%A_%a.log
	Options   []string // further options of sbatch, such as --constraint=a100
}

var (
	slurmMemory = regexp.MustCompile(`^[1-9][0-9]*[KMGT]?$`)
	slurmGPUs   = regexp.MustCompile(`^([A-Za-z0-9_.-]+:)?[1-9][0-9]*$|^0$`)
)

//go:embed array.sbatch.tmpl
var slurmText string

// Script returns the batch script.
func (s Slurm) Script() (string, error) {
	name, err := s.JobName()
	if err == nil {
		err = s.check()
	}
	if err != nil {
		return "", err
	}
	array := "0-" + fmt.Sprint(s.Count-1)
	if s.Limit > 0 {
		array += "%" + fmt.Sprint(s.Limit)
	}
	options := []string{"--job-name=" + name, "--array=" + array, "--ntasks=1"}
	if s.CPUs > 0 {
		options = append(options, "--cpus-per-task="+fmt.Sprint(s.CPUs))
	}
	if s.GPUs != "0" {
		options = append(options, "--gpus-per-task="+s.GPUs)
	}
	for _, o := range []struct{ name, value string }{
		{"mem", s.Memory}, {"time", s.Time}, {"partition", s.Partition}, {"account", s.Account}, {"qos", s.QOS},
		{"output", s.Output},
	} {
		if o.value != "" {
			options = append(options, "--"+o.name+"="+o.value)
		}
	}
	options = append(options, "--requeue", "--open-mode=append",
		fmt.Sprintf("--signal=B:TERM@%d", seconds(s.Grace+margin)))
	options = append(options, s.Options...)
	words := s.line()
	for i, word := range words {
		words[i] = shellWord(word)
	}
	// The program and "worker" on a line, then each flag, then what trials run.
	flags := len(words) - len(s.Command)
	lines := append([]string{strings.Join(words[:2], " ")}, words[2:flags]...)
	if len(s.Command) > 0 {
		lines[len(lines)-1] += " " + strings.Join(words[flags:], " ")
	}
	var text strings.Builder
	err = template.Must(template.New("sbatch").Funcs(template.FuncMap{"option": slurmQuote}).Parse(slurmText)).
		Execute(&text, map[string]any{"Options": options, "Command": strings.Join(lines, " \\\n\t")})
	return text.String(), err
}

func (s Slurm) check() error {
	if err := s.Workers.Check(); err != nil {
		return err
	}
	switch {
	case s.Limit < 0:
		return fmt.Errorf("--limit is %d, want at least 1, or 0 for all workers at once", s.Limit)
	case s.CPUs < 0:
		return fmt.Errorf("--cpus is %d, want at least 1, or 0 for the cluster's default", s.CPUs)
	case s.Memory != "" && !slurmMemory.MatchString(s.Memory):
		return fmt.Errorf("--memory is %q, want a whole number with K, M, G or T", s.Memory)
	case !slurmGPUs.MatchString(s.GPUs):
		return fmt.Errorf("--gpus is %q, want a whole number, or TYPE:NUMBER", s.GPUs)
	}
	for _, option := range s.Options {
		if !strings.HasPrefix(option, "-") {
			return fmt.Errorf("--sbatch is %q, want an option of sbatch such as --constraint=a100", option)
		}
	}
	for _, text := range slices.Concat(s.Options, []string{s.Time, s.Partition, s.Account, s.QOS, s.Output}) {
		// A line end would end the directive.
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("%q has control characters, want none in an option of sbatch", text)
		}
	}
	return nil
}

// plain matches words that neither sbatch nor a shell changes. (Shells expand a tilde after an equals sign.)
var plain = regexp.MustCompile(`^[\w./:,=%@+-]+$`)

// slurmQuote writes an option for a line of #SBATCH, where a backslash escapes and # starts a comment.
func slurmQuote(option string) string {
	if plain.MatchString(option) {
		return option
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(option) + `"`
}

// shellWord quotes a word for a shell.
func shellWord(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
