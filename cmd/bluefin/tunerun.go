package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/bluefin-hpo/bluefin/cmd/internal/message"
	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// run runs trials until the budget is used up, or ctx ends.
func (p plan) run(ctx context.Context, con console) (err error) {
	var program *command.Command
	var objective study.MultiObjective
	if !p.create {
		if program, objective, err = p.objective(); err != nil {
			return err
		}
	}
	whole := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, p.timeout, timeoutError(p.timeout))
	defer cancel()
	cfg := p.study
	show := p.shown(con, &cfg)
	db, err := p.open(ctx, con)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	cfg.Storage = db
	asked := p.warm
	if err := p.teach(ctx, con, &cfg, cfg.Space); err != nil {
		return err
	}
	if p.warm != asked { // the study has learned before
		p.remembered.WarmStart = p.warmStart.Value()
		if cfg.Sampler, err = p.space.Sampler(cfg.Sampler); err != nil {
			return err
		}
	}
	s, err := study.Open(ctx, cfg)
	if err != nil {
		return err
	}
	if err := (tuned{strings.Join(p.metrics(), ", "), p.command.Args}).save(ctx, con, s); err != nil {
		return err
	}
	if !p.create { // its workers may run elsewhere
		if err := checkFolder(ctx, p.command.Folder, "--folder", s); err != nil {
			return err
		}
	}
	if err := show.begin(ctx, s); err != nil {
		return err
	}
	if err := p.queue(ctx, s); err != nil {
		return err
	}
	if err := remember(ctx, db, s.Name(), p.remembered); err != nil {
		return err
	}
	if p.create {
		return created(con, s.Name())
	}
	if p.command.Arguments == nil {
		p.warnUnplaced(con)
		p.warnUnknown(con)
	}
	for _, note := range p.notes {
		con.logf("%s", note)
	}
	defer p.serve(whole, con, s.Name())()
	defer hurry(con, program)()
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it; a lost terminal must not leave programs running
		var ended context.CancelFunc
		ctx, ended = signal.NotifyContext(ctx, syscall.SIGHUP)
		defer ended()
	}
	budget := p.budget()
	budget.InitialFailures = p.initialFailures
	if err = s.OptimizeMulti(ctx, objective, budget); err == nil {
		err = p.again(ctx, con, s, program.Run)
	}
	return p.report(ctx, con, s, err, func(best, _ []*trial.Trial, finished int) {
		p.printBest(con, best, finished)
	})
}

// objective returns what runs the program.
func (p plan) objective() (program *command.Command, objective study.MultiObjective, err error) {
	p.command.Params = func(t *study.Trial) map[string]any {
		params, _ := p.space.Suggest(t) // the error is the trial's
		return params
	}
	for _, param := range p.space.Params {
		if param.If != nil {
			p.command.Optional = append(p.command.Optional, param.Name)
		}
	}
	if program, err = command.New(p.command); err != nil {
		return nil, nil, err
	}
	objective = func(t *study.Trial) ([]float64, error) {
		if _, err := p.space.Suggest(t); err != nil {
			return nil, err
		}
		return program.RunMulti(t)
	}
	return program, objective, nil
}

// metrics are the names of the objectives.
func (p plan) metrics() (names []string) {
	for _, m := range p.command.Metrics {
		names = append(names, m.Name)
	}
	return names
}

// shown is what shows the trials of a study that cfg opens.
func (p *plan) shown(con console, cfg *study.Config) *progress {
	show := p.progress(con, cfg, "step", p.metrics()...)
	show.board.declare(p.space.Dimensions())
	return show
}

// printBest shows the best trial, or those that no other one beats in all metrics.
func (p plan) printBest(con console, best []*trial.Trial, finished int) {
	if len(p.command.Metrics) > 1 && len(best) > 0 {
		message.Fprintf(con.out, "Best of %s, as no other is better in every metric:\n", counted(finished, "trial"))
	}
	for _, t := range best {
		var values []string
		for i, m := range p.command.Metrics {
			values = append(values, fmt.Sprintf("%s %v", m.Name, t.Values[i]))
		}
		if len(values) == 1 {
			message.Fprintf(con.out, "Best of %s: trial %d, %s\n", counted(finished, "trial"), t.Number, values[0])
			printParams(con.out, t, 0)
			continue
		}
		message.Fprintf(con.out, "  trial %d, %s\n", t.Number, strings.Join(values, ", "))
	}
}

// queue queues the trials that the file asks for, once.
func (p plan) queue(ctx context.Context, s *study.Study) error {
	if p.first != nil {
		if _, err := s.EnqueueFirst(ctx, p.first); err != nil {
			return err
		}
	}
	for _, params := range p.enqueue {
		if _, _, err := s.EnqueueOnce(ctx, params); err != nil {
			return err
		}
	}
	return nil
}

// warnUnplaced says which parameters do not reach the command, because only others have a {NAME} there.
func (p plan) warnUnplaced(con console) {
	if p.command.Render != "" { // its configuration has all of them
		return
	}
	var missing []string
	for _, d := range p.space.Params {
		placeholder := "{" + d.Name + "}"
		if !slices.ContainsFunc(p.command.Args[1:], func(arg string) bool { return strings.Contains(arg, placeholder) }) {
			missing = append(missing, placeholder)
		}
	}
	if len(missing) > 0 && len(missing) < len(p.space.Params) {
		pronoun := "it"
		if len(missing) > 1 {
			pronoun = "them"
		}
		con.logf("The command has no %s: the program gets %s only in its environment.", strings.Join(missing, ", "), pronoun)
	}
}

var braced = regexp.MustCompile(`\$?\{([\pL_][\pL\pN_.]*)\}`)

// warnUnknown shows a {NAME} in the command that is most likely a slip. Others belong to the program.
func (p plan) warnUnknown(con console) {
	known := append(paramNames(p.space), "trial_dir", "trial_number", "last_checkpoint", "repetition", "params_file")
	if p.command.Render != "" {
		known = append(known, "config")
	}
	show := func(name string) string { return "{" + name + "}" }
	args := p.command.Args
	for i, arg := range args[1:] { // the value of a flag
		flag, name := args[i], arg
		if before, value, ok := strings.Cut(arg, "="); ok {
			flag, name = before, value
		}
		whole := braced.FindStringSubmatch(name)
		if whole != nil && whole[0] == name && name[0] == '{' && strings.HasPrefix(flag, "--") && flag != "--" &&
			whole[1] != "config" && !slices.Contains(known, whole[1]) {
			con.logf("The command has %s after %s, but there is no parameter %s: the program gets it as it is.", name, flag,
				whole[1])
			return
		}
	}
	for _, m := range braced.FindAllStringSubmatch(strings.Join(p.command.Args[1:], "\n"), -1) {
		typed := m[1]
		if strings.HasPrefix(m[0], "$") || slices.Contains(known, typed) {
			continue
		}
		what := fmt.Sprintf("The command has %s, which stands for nothing", show(typed))
		if text := didYouMean(what, typed, known, show); text != what {
			con.logf("%s", text)
		} else if typed == "config" {
			con.logf("%s without --render.", what)
		}
	}
}
