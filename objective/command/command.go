// Package command is an objective that runs a program, such as a training script in
// any language. The program gets its parameters as arguments and in its
// environment, and its metric is read from what it prints or writes anyway:
//
//	c, err := command.New(command.Config{
//		Args:    []string{"python", "train.py", "--output_dir", "{trial_dir}"},
//		Metrics: []command.Metric{{Name: "eval_loss"}},
//		Folder:  "trials",
//	})
//	…
//	s, err := study.Open(ctx, study.Config{Space: sp, Pruner: pruner.SuccessiveHalving{}})
//	…
//	err = s.Optimize(ctx, c.Run, study.Budget{Trials: 50})
package command

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bluefin-hpo/bluefin/study"
)

// A Metric is a number that a program prints or writes, and an objective of the study.
type Metric struct {
	Name     string
	Maximize bool // larger values are better
}

// Config says how a program is run. Args and Metrics are required.
type Config struct {
	// Args are the program and its arguments. In arguments, {NAME} stands for
	// the value of a parameter, and {trial_dir}, {trial_number},
	// {last_checkpoint}, {params_file}, {repetition} and {config} for what Run documents.
	Args []string

	// Arguments makes the arguments of the program from the parameters and the values of
	// {trial_dir} and the others, by name without braces. nil: Args and Style decide.
	Arguments func(params map[string]any, places map[string]string) ([]string, error)

	// Style is how parameters are appended to Args if no {NAME} occurs in them.
	Style Style

	// Params returns the parameters of a trial. Values may also be lists and maps of values. nil: all
	// parameters of the study's Config.Space.
	Params func(*study.Trial) map[string]any

	// Optional are parameters that Params does not return for every trial. {NAME} is empty without one.
	Optional []string

	// Render is a YAML, JSON or TOML file, by its name: the configuration that the program reads.
	// Each trial gets a copy, {config}, with the parameters set; a name with dots, such as
	// optimizer.lr, is a path. It needs Folder and {config} in Args. "": none.
	Render string

	Dir string   // working folder; "": that of this process
	Env []string // added to the environment, NAME=VALUE

	Metrics []Metric // objectives of the study, in its order
	Judge   string   // the metric that the pruner judges by, if it is only one of several; "": all
	Best    bool     // the value of a trial is its best report, not its last
	Record  []string // more metrics: their last values become user attributes of the trial

	// Pattern finds the first metric in a line of output, in its first group. A group named step
	// holds the step. nil: none.
	Pattern *regexp.Regexp

	// Reader is the only source of the metric: a name from Readers. "": the
	// first one that yields the metric.
	Reader string

	// Folder holds a folder for each trial, named by its number. "": a trial has
	// none, and its output is not kept.
	Folder string

	// Resume is how a trial that runs again gets its newest checkpoint.
	Resume Resume

	// Failures decide what follows when the program fails: the first rule that matches. After them
	// come the default rules: out of memory is Infeasible, a full disk is Stop, all else is Fail.
	Failures []Failure

	// Slots are environments, NAME=VALUE, of which each running trial has one for
	// itself, such as a GPU's. Trials wait while all are taken. nil: no limit.
	Slots [][]string

	Grace        time.Duration // from SIGTERM to SIGKILL; 0: 30 s
	TrialTimeout time.Duration // how long a trial may run; 0: no limit
	StallTimeout time.Duration // how long a trial may print and write nothing new; 0: no limit

	Logger *slog.Logger // nil: slog.Default
}

// A Command runs a program once for each trial. It is safe for concurrent use.
type Command struct {
	cfg    Config
	path   string // of the program
	slots  chan []string
	hurry  chan struct{} // closed by Hurry
	once   sync.Once     // guards its close
	mu     sync.Mutex
	chosen chosen          // guarded by mu
	added  map[string]bool // parameters that Config.Render did not have, guarded by mu

	template  *template // nil: there is no Config.Render
	usesWandB bool
}

// New returns the command, or an error if the program does not exist, a setting is out of
// range or Config.Folder cannot be made. On Linux it ends the programs that a killed process
// has left in that folder.
func New(cfg Config) (*Command, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Grace == 0 {
		cfg.Grace = 30 * time.Second
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Command{cfg: cfg, hurry: make(chan struct{}), added: map[string]bool{}, usesWandB: cfg.mentionsWandB()}
	path, err := exec.LookPath(cfg.Args[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		err = errors.Unwrap(err)
		if strings.Contains(cfg.Args[0], " ") && errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("program %q: %w: want its arguments apart, without quotes around all", cfg.Args[0], err)
		}
		return nil, fmt.Errorf("program %q: %w", cfg.Args[0], err)
	}
	if c.path, err = filepath.Abs(path); err != nil { // Dir may be another folder
		return nil, err
	}
	if info, err := os.Stat(cfg.Dir); cfg.Dir != "" && (err != nil || !info.IsDir()) {
		return nil, fmt.Errorf("working folder %q is not a folder", cfg.Dir)
	}
	if cfg.Render != "" {
		if c.template, err = newTemplate(cfg.Render); err != nil {
			return nil, err
		}
	}
	if c.usesWandB && cfg.Folder != "" {
		cfg.Logger.Info("the script uses W&B: its runs are written offline, to the folders of their trials")
	}
	if cfg.Folder != "" {
		if c.cfg.Folder, err = filepath.Abs(cfg.Folder); err != nil {
			return nil, err
		}
		if err := os.MkdirAll(c.cfg.Folder, 0o777); err != nil {
			return nil, fmt.Errorf("folder for trials: %w", err)
		}
		c.recall()
		if n := sweep(c.cfg.Folder); n > 0 {
			cfg.Logger.Warn("ended processes that a killed search had left", "processes", n)
		}
	}
	if cfg.Slots != nil {
		c.slots = make(chan []string, len(cfg.Slots))
		for _, s := range cfg.Slots {
			c.slots <- s
		}
	}
	return c, nil
}

// Hurry ends the grace period of all programs that are being stopped, now and later, such
// as when a user presses Ctrl-C again.
func (c *Command) Hurry() { c.once.Do(func() { close(c.hurry) }) }

// names returns those of all metrics, the objectives first.
func (cfg Config) names() []string {
	var all []string
	for _, m := range cfg.Metrics {
		all = append(all, m.Name)
	}
	return append(all, cfg.Record...)
}

func (cfg Config) check() error {
	if len(cfg.Args) == 0 || cfg.Args[0] == "" {
		return errors.New("the command is empty, want a program and its arguments")
	}
	if len(cfg.Metrics) == 0 {
		return errors.New("there is no metric, want at least one")
	}
	known := map[string]bool{}
	for _, name := range cfg.names() {
		if name == "" {
			return errors.New("the name of a metric is empty")
		}
		if known[name] {
			return fmt.Errorf("metric %q is there twice", name)
		}
		known[name] = true
	}
	if cfg.Style > None {
		return fmt.Errorf("argument style is %d, want 0 to %d", cfg.Style, None)
	}
	if cfg.Resume > Lightning {
		return fmt.Errorf("resume is %d, want 0 to %d", cfg.Resume, Lightning)
	}
	placed := slices.ContainsFunc(cfg.Args, func(a string) bool { return strings.Contains(a, "{config}") })
	if cfg.Render != "" && !placed {
		return errors.New("there is no {config} in the command, want it where the program takes its configuration")
	}
	if cfg.Render != "" && cfg.Folder == "" {
		return errors.New("a configuration is rendered into the folder of a trial, and there is no folder for trials")
	}
	if cfg.Resume != NoResume && cfg.Folder == "" {
		return fmt.Errorf("resume is %v, which needs a folder for trials", cfg.Resume)
	}
	for i, f := range cfg.Failures {
		if err := f.check(); err != nil {
			return fmt.Errorf("failure rule %d: %w", i+1, err)
		}
	}
	if cfg.Slots != nil && len(cfg.Slots) == 0 {
		return errors.New("there are no slots, want at least one")
	}
	if cfg.Pattern != nil && cfg.Pattern.NumSubexp() == max(0, cfg.Pattern.SubexpIndex("step")) {
		return fmt.Errorf("the pattern %q has no group, want the metric in parentheses", cfg.Pattern)
	}
	if cfg.Reader != "" {
		if err := checkReader(cfg.Reader); err != nil {
			return err
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"grace", cfg.Grace}, {"trial timeout", cfg.TrialTimeout}, {"stall timeout", cfg.StallTimeout}} {
		if d.value < 0 {
			return fmt.Errorf("%s is %v, want at least 0", d.name, d.value)
		}
	}
	return nil
}
