package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// tuneCommand searches for the best parameters of a program.
type tuneCommand struct {
	runner

	metric    string
	direction string
	goal      string
	pattern   string
	reader    string

	style  string
	folder string

	gpus         string
	gpusPerTrial float64
	grace        time.Duration
	trialTimeout time.Duration
	stallTimeout time.Duration

	args []string // parameters, "--" and the program
}

func (t *tuneCommand) define(width int) *cli.Command {
	groups := []flagGroup{
		{"metric", []cli.Flag{
			&cli.StringFlag{Name: "metric", Destination: &t.metric, DefaultText: required,
				Usage: "the `NAME` of the number to improve, as the program prints or writes it"},
			choiceFlag(&t.direction, "direction", "the `DIRECTION`: minimize, maximize, or auto, which maximizes "+
				"metrics named like accuracy or F1", "auto", "minimize", "maximize"),
			choiceFlag(&t.goal, "goal-of", "the `REPORT` of the metric that is the value of a trial: last or best",
				"last", "best"),
			&cli.StringFlag{Name: "regex", Destination: &t.pattern,
				Usage: "a `PATTERN` that finds the metric in a line of output, in its first group; a group named step " +
					"finds the step"},
			&cli.StringFlag{Name: "metrics", Destination: &t.reader, DefaultText: "the first that yields the metric",
				Usage: "the only `SOURCE` of the metric: " + words(command.Readers())},
		}},
		{"program", []cli.Flag{
			choiceFlag(&t.style, "args", "how parameters are appended if the command has no {NAME}: `STYLE` flags "+
				"(--a b), equals (--a=b), hydra (a=b) or none", "flags", "equals", "hydra", "none"),
			&cli.StringFlag{Name: "folder", Destination: &t.folder, DefaultText: "beside the study file",
				Usage: "the `FOLDER` that holds a folder for each trial, {trial_dir}"},
			&cli.StringFlag{Name: "gpus", Destination: &t.gpus,
				Usage: "give each running trial GPUs of its own: `LIST` is all, or numbers or UUIDs with commas between them"},
			&cli.Float64Flag{Name: "gpus-per-trial", Destination: &t.gpusPerTrial, Value: 1,
				Usage: "a whole `NUMBER` of GPUs for each trial, or 0.5 for two trials on each GPU"},
			&cli.DurationFlag{Name: "trial-timeout", Destination: &t.trialTimeout, DefaultText: "none",
				Usage: "stop a trial after a `TIME` like 2h; it has failed"},
			&cli.DurationFlag{Name: "stall-timeout", Destination: &t.stallTimeout, DefaultText: "none",
				Usage: "stop a trial that prints and writes nothing for a `TIME`; it has failed"},
			&cli.DurationFlag{Name: "grace", Destination: &t.grace, Value: 30 * time.Second,
				Usage: "the `TIME` from SIGTERM to SIGKILL for programs that are stopped"},
		}},
		{"search", t.searchFlags(30)},
		{"storage", t.storageFlags("after the program")},
	}
	cmd := &cli.Command{
		Name:      "tune",
		Usage:     "search for the best parameters of any program",
		ArgsUsage: "PARAMETER… -- PROGRAM [ARGUMENT…]",
		Description: "Each trial runs the program once, with parameters that are drawn from:\n" +
			"  NAME=LOW..HIGH           floats, or ints if both ends are ints\n" +
			"  NAME=LOW..HIGH:log       on a logarithmic scale\n" +
			"  NAME=LOW..HIGH:step=S    in steps\n" +
			"  NAME=A,B,C               one of these\n" +
			"{NAME} in the command stands for a value; without any, all are appended. " +
			"{trial_dir}, {trial_number} and {last_checkpoint} stand for those. The metric is read from the " +
			"output (JSON, Python dictionaries, NAME=VALUE) or from files in {trial_dir} (of the Hugging Face " +
			"trainer, Lightning and others). Run the same command again to resume after a stop.",
		Before: func(c *cli.Context) error {
			t.args = c.Args().Slice()
			return nil
		},
		Action: action(t.run),
	}
	for _, g := range groups {
		cmd.Flags = append(cmd.Flags, g.flags...)
	}
	cmd.CustomHelpTemplate = helpText(cmd.Name, cmd, groups, width)
	return cmd
}

func (t *tuneCommand) run(ctx context.Context, con console) (err error) {
	params, program, err := splitCommand(t.args)
	if err != nil {
		return err
	}
	if err := t.check(); err != nil {
		return err
	}
	d := t.metricDirection(con)
	name := cmp.Or(t.studyName, programName(program))
	cfg, err := t.config(con, name, d)
	if err != nil {
		return err
	}
	if cfg.Space, err = space.New(params...); err != nil {
		return usagef("%w", err)
	}
	objective, err := t.objective(con, cfg, program)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, t.timeout, timeoutError(t.timeout))
	defer cancel()
	show := t.progress(con, cfg)
	show.metric, show.step = t.metric, "step"
	for _, p := range params {
		show.order = fmt.Appendf(show.order, "%q ", p.Name)
	}
	cfg.OnTrialEnd = show.ended
	db, err := t.runner.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	cfg.Storage = db
	s, err := study.Open(ctx, cfg)
	if err != nil {
		return err
	}
	if err := t.same(ctx, con, s, program); err != nil {
		return err
	}
	if err := t.ownFolder(ctx, s); err != nil {
		return err
	}
	if err := show.begin(ctx, s); err != nil {
		return err
	}
	t.notPlaced(con, params, program)
	defer hurry(con, objective)()
	if !signal.Ignored(syscall.SIGHUP) { // as it is by nohup; a lost terminal must not leave programs running
		var ended context.CancelFunc
		ctx, ended = signal.NotifyContext(ctx, syscall.SIGHUP)
		defer ended()
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err = s.Optimize(ctx, show.watched(func(t *study.Trial) (float64, error) {
		value, err := objective.Run(t)
		if errors.As(err, new(*command.StartError)) { // the trial goes back to the queue
			stop(fmt.Errorf("trial %d: %w", t.Number(), err))
		}
		return value, err
	}), t.budget())
	if errors.As(err, new(*command.StartError)) {
		return err
	}
	return t.report(ctx, con, s, err, func(best *trial.Trial, _ []*trial.Trial, finished int) {
		if best == nil {
			return
		}
		message.Fprintf(con.out, "Best of %d trials: trial %d, %s %v\n", finished, best.Number, t.metric, best.Values[0])
		printParams(con.out, best, 0)
	})
}

// splitCommand returns the parameters before "--" and the program after it.
func splitCommand(args []string) (params []space.Dimension, program []string, err error) {
	i := slices.Index(args, "--")
	switch {
	case i < 0 && len(args) > 0 && strings.Contains(args[0], "="):
		return nil, nil, usagef("the program is missing, want PARAMETER… -- PROGRAM")
	case i < 0: // the parser has taken it
		i, args = 0, append([]string{"--"}, args...)
	}
	for _, text := range args[:i] {
		if strings.HasPrefix(text, "-") {
			return nil, nil, usagef("flag %s comes after a parameter, want flags first", text)
		}
		p, err := parseParam(text)
		if err != nil {
			return nil, nil, usagef("%w", err)
		}
		params = append(params, p)
	}
	if program = args[i+1:]; len(program) == 0 {
		return nil, nil, usagef("the program is missing, want PARAMETER… -- PROGRAM")
	}
	if len(params) == 0 {
		return nil, nil, usagef("the parameters are missing, want PARAMETER… -- PROGRAM")
	}
	return params, program, nil
}

// ownFolder returns an error if the folder has trials that the study has not, as after the study file was
// deleted: new trials would take their files for their own.
func (t *tuneCommand) ownFolder(ctx context.Context, s *study.Study) error {
	highest := -1
	entries, _ := os.ReadDir(t.folder) // before the trials are read: others may be running some
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil && e.IsDir() {
			highest = max(highest, n)
		}
	}
	trials, err := s.Trials(ctx)
	if err == nil && highest >= len(trials) {
		err = fmt.Errorf("%s is not of this study, which has %s: remove it or choose another --folder",
			filepath.Join(t.folder, strconv.Itoa(highest)), counted(len(trials), "trial"))
	}
	return err
}

// notPlaced says which parameters do not reach the command, because others have a {NAME} there.
func (t *tuneCommand) notPlaced(con console, params []space.Dimension, program []string) {
	var missing []string
	for _, p := range params {
		if !slices.ContainsFunc(program[1:], func(arg string) bool { return strings.Contains(arg, "{"+p.Name+"}") }) {
			missing = append(missing, "{"+p.Name+"}")
		}
	}
	if len(missing) > 0 && len(missing) < len(params) {
		con.logf("The command has no %s: the program gets that only in its environment.", strings.Join(missing, ", "))
	}
}

// hurry tells what a second Ctrl-C does, and does it: programs that are being stopped are killed, and
// their trials return to the queue. A third one ends this process, as main has it. The function that is
// returned ends the wait for them.
func hurry(con console, objective *command.Command) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		var first time.Time
		for {
			select {
			case <-done:
				return
			case <-signals:
			}
			switch {
			case first.IsZero():
				first = time.Now()
				con.logf("Stopping the running trials. Ctrl-C again kills them.")
			case time.Since(first) > time.Second: // schedulers and timeout(1) send the first one twice
				objective.Hurry()
				signal.Stop(signals)
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}

// programName returns the name of the script among the arguments, or of the program.
func programName(program []string) string {
	name := program[0]
	for _, arg := range program[1:] {
		if strings.Contains("|.py|.sh|.R|.jl|.lua|.pl|.rb|.js|.ts|", "|"+filepath.Ext(arg)+"|") && filepath.Ext(arg) != "" {
			name = arg
			break
		}
	}
	base := filepath.Base(name)
	return cmp.Or(strings.TrimSuffix(base, filepath.Ext(base)), base)
}

// larger finds names of metrics that are better the larger they are.
var larger = regexp.MustCompile(`(?i)(^|[^a-z])(acc|accuracy|auc|auroc|f1|precision|recall|bleu|rouge\w*|map\w*|` +
	`r2|score|reward|dice|iou|mcc|pearson\w*|spearman\w*)($|[^a-z])`)

func (t *tuneCommand) metricDirection(con console) trial.Direction {
	switch {
	case t.direction == "maximize":
		return trial.Maximize
	case t.direction == "auto" && larger.MatchString(t.metric):
		con.logf("Maximizing %s, by its name (--direction minimize for the opposite).", t.metric)
		return trial.Maximize
	}
	return trial.Minimize
}

// objective returns what runs the program.
func (t *tuneCommand) objective(con console, cfg study.Config, program []string) (*command.Command, error) {
	path, err := t.storage.path()
	if err != nil {
		return nil, err
	}
	if t.folder == "" {
		t.folder = filepath.Join(strings.TrimSuffix(path, filepath.Ext(path))+"-trials", folderName(cfg.Name))
	}
	style, err := command.ParseStyle(t.style)
	if err != nil {
		return nil, err
	}
	c := command.Config{
		Args: program, Style: style, Metric: t.metric, Maximize: cfg.Directions[0] == trial.Maximize,
		Best: t.goal == "best", Reader: t.reader, Folder: t.folder, Grace: t.grace,
		TrialTimeout: t.trialTimeout, StallTimeout: t.stallTimeout, Logger: con.logger(),
	}
	if t.pattern != "" {
		if c.Pattern, err = regexp.Compile(t.pattern); err != nil {
			return nil, usagef("--regex: %w", err)
		}
	}
	if t.gpus != "" {
		if c.Slots, err = command.GPUs(t.gpus, t.gpusPerTrial); err != nil {
			return nil, usagef("--gpus: %w", err)
		}
		if t.workers == 1 {
			t.workers = len(c.Slots)
		}
	}
	return command.New(c)
}

// folderName makes a name that is one folder everywhere, and another one for each study.
func folderName(study string) string {
	var b strings.Builder
	for _, r := range study {
		if r < ' ' || strings.ContainsRune(`%/\:*?"<>|`, r) || strings.Trim(study, ".") == "" {
			fmt.Fprintf(&b, "%%%02X", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// tuneKey is the user attribute of a study that says what its trials ran.
const tuneKey = "tune"

// A tuned is the value of the attribute.
type tuned struct {
	Metric  string   `json:"metric"`
	Command []string `json:"command"`
}

// same returns an error if earlier trials of the study have another metric, because their values
// cannot be compared, and says if the command is another one.
func (t *tuneCommand) same(ctx context.Context, con console, s *study.Study, program []string) error {
	attrs, err := s.UserAttrs(ctx)
	if err != nil {
		return err
	}
	now := tuned{t.metric, program}
	var before tuned
	if text := attrs[tuneKey]; text != nil && json.Unmarshal(text, &before) == nil {
		if before.Metric != now.Metric {
			return fmt.Errorf("study %q is about the metric %s, and this search about %s: want another --study-name",
				s.Name(), before.Metric, now.Metric)
		}
		if !slices.Equal(before.Command, now.Command) {
			con.logf("The command is not that of the earlier trials, which was: %s", strings.Join(before.Command, " "))
		}
	}
	text, err := json.Marshal(now)
	if err != nil || bytes.Equal(text, attrs[tuneKey]) {
		return err
	}
	return s.SetUserAttr(ctx, tuneKey, now)
}
