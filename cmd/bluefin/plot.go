package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/cmd/internal/outline"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/study/importance"
	"github.com/bluefin-hpo/bluefin/study/plot"
	"github.com/bluefin-hpo/bluefin/study/plot/picture"
	"github.com/bluefin-hpo/bluefin/trial"
)

// plotCommand draws one kind of plot.
type plotCommand struct {
	name, usage string
	flags       string // those of its own, by letters: o --objective, p --param, c --compare, r --reference
	most        int    // trials that are drawn; 0: all
	draw        func(plotInput) (data any, f picture.Figure, err error)

	study         studyFlags
	output        outputFlags
	format        string
	width, height int
	objective     string
	params        cli.StringSlice
	compare       cli.StringSlice
	reference     cli.Float64Slice
}

// A plotInput is what plots are made of.
type plotInput struct {
	history   trial.History
	config    plot.Config
	step      string
	studies   []plot.Study // this one, and those to compare it with
	reference []float64
}

// drawn makes the draw of a plotCommand from the data of a plot and its picture.
func drawn[P any](data func(plotInput) (P, error), draw func(P) picture.Figure) (
	both func(plotInput) (any, picture.Figure, error)) {
	return func(in plotInput) (any, picture.Figure, error) {
		p, err := data(in)
		return p, draw(p), err
	}
}

// configured adapts the plots that need a history and a configuration.
func configured[P any](data func(trial.History, plot.Config) (P, error)) func(plotInput) (P, error) {
	return func(in plotInput) (P, error) { return data(in.history, in.config) }
}

// plotCommands are all kinds of plots. Of those with a point for each trial, more than some thousand
// would only make the picture slow. What sums up trials needs all of them.
func plotCommands() []*plotCommand {
	const points, curves = 5000, 200
	return []*plotCommand{
		{name: "history", usage: "values in the order of the trials, and the best so far", flags: "o", most: points,
			draw: drawn(configured(plot.History), picture.History)},
		{name: "slice", usage: "values over each parameter", flags: "op", most: points / 2,
			draw: drawn(configured(plot.Slice), picture.Slice)},
		{name: "contour", usage: "values over two parameters, as a surface", flags: "op", most: points,
			draw: drawn(configured(plot.Contour), picture.Contour)},
		{name: "rank", usage: "how trials rank, over two parameters", flags: "op", most: points,
			draw: drawn(configured(plot.Rank), picture.Rank)},
		{name: "parallel", usage: "each trial as a line across all parameters", flags: "op", most: points / 5,
			draw: drawn(configured(plot.Parallel), picture.Parallel)},
		{name: "importances", usage: "how much each parameter matters", flags: "op",
			draw: drawn(func(in plotInput) (plot.ImportancePlot, error) {
				return plot.Importances(in.history, in.config, importance.PEDANOVA{})
			}, picture.Importances)},
		{name: "intermediate", usage: "reports of the trials over their steps", flags: "o", most: curves,
			draw: drawn(func(in plotInput) (plot.IntermediatePlot, error) {
				p, err := plot.Intermediate(in.history, in.config)
				p.Step = cmp.Or(in.step, p.Step)
				return p, err
			}, picture.Intermediate)},
		{name: "training", usage: "training and validation loss of each trial of finetune",
			draw: drawn(func(in plotInput) (plot.TrainingPlot, error) { return plot.Training(in.history), nil },
				picture.Training)},
		{name: "timeline", usage: "when each trial ran",
			draw: drawn(func(in plotInput) (plot.TimelinePlot, error) { return plot.Timeline(in.history, time.Now()), nil },
				picture.Timeline)},
		{name: "edf", usage: "which share of the trials reached each value", flags: "oc",
			draw: drawn(func(in plotInput) (plot.EDFPlot, error) { return plot.EDF(in.config, in.studies...) }, picture.EDF)},
		{name: "pareto", usage: "trials over two or three objectives, and the front", most: points,
			draw: drawn(configured(plot.Pareto), picture.Pareto)},
		{name: "hypervolume", usage: "how much of the space of objectives the trials dominate", flags: "r",
			draw: drawn(func(in plotInput) (plot.HypervolumePlot, error) {
				return plot.Hypervolume(in.history, in.reference)
			}, picture.Hypervolume)},
	}
}

// plotGroup is bluefin plot, with a command for each kind.
func plotGroup() *cli.Command {
	var commands []*cli.Command
	for _, p := range plotCommands() {
		commands = append(commands, p.define())
	}
	return group("plot", "draw a study in the terminal, or as SVG, PNG or PDF", commands...)
}

func (p *plotCommand) define() *cli.Command {
	format := choiceFlag(&p.format, "format", "`FORMAT` of the output: picture, or json for its data", "picture", "json")
	format.Aliases = []string{"f"}
	flags := append(p.study.flags(), format)
	own := map[rune]cli.Flag{
		'o': &cli.StringFlag{Name: "objective", Destination: &p.objective, DefaultText: "the first",
			Usage: "the `NUMBER` of the objective, from 0, or its name"},
		'p': &cli.StringSliceFlag{Name: "param", Destination: &p.params, DefaultText: p.defaultParams(),
			Usage: "the `NAME` of a parameter to show; repeat it for more"},
		'c': &cli.StringSliceFlag{Name: "compare", Destination: &p.compare,
			Usage: "the `NAME` of another study of the file; repeat it for more"},
		'r': &cli.Float64SliceFlag{Name: "reference", Destination: &p.reference, DefaultText: "beyond the worst seen",
			Usage: "the worst `VALUE` that counts; once for each objective"},
	}
	for _, letter := range p.flags {
		flags = append(flags, own[letter])
	}
	flags = append(flags, p.output.flags()...)
	flags = append(flags,
		&cli.IntFlag{Name: "width", Destination: &p.width, DefaultText: "800, or the terminal's",
			Usage: "`NUMBER` of pixels, or of columns without a file; a PNG has two dots for each pixel"},
		&cli.IntFlag{Name: "height", Destination: &p.height, DefaultText: "what the plot needs",
			Usage: "`NUMBER` of pixels, or of lines"})
	return &cli.Command{Name: p.name, Usage: "draw " + p.usage, Flags: flags, Action: action(p.run),
		Description: "Without --output it draws in the terminal. The file's ending chooses the format: .svg, .png, .pdf\n" +
			"or .txt."}
}

func (p *plotCommand) defaultParams() string {
	if p.name == "contour" || p.name == "rank" {
		return "the two most important"
	}
	return "all"
}

// run only reads, so a search may go on meanwhile.
func (p *plotCommand) run(ctx context.Context, con console) error {
	if err := p.check(); err != nil {
		return err
	}
	return p.study.opened(ctx, con, access{readOnly: true}, study.Config{}, func(cfg study.Config) error {
		in, err := p.read(ctx, cfg)
		if err != nil {
			return err
		}
		finished := len(in.history.Finished())
		if p.most > 0 && p.format != "json" {
			in.history = plot.Thin(in.history, p.most)
		}
		data, figure, err := p.draw(in)
		if err != nil {
			return err
		}
		if n := len(in.history.Finished()); n < finished {
			con.logf("Drawing %d of %d finished trials, evenly chosen, with each that was the best so far.", n, finished)
		}
		figure.Title = fmt.Sprintf("Study %q: %s", cfg.Name, p.name)
		return p.write(con, data, figure)
	})
}

// check looks at the flags before the study is read, which may take long.
func (p *plotCommand) check() error {
	for flag, n := range map[string]int{"width": p.width, "height": p.height} {
		if n < 0 || n > picture.MaxSize {
			return usagef("--%s is %d, want 1 to %d", flag, n, picture.MaxSize)
		}
	}
	if p.output.toFile() && p.format != "json" {
		if ending := filepath.Ext(p.output.path); !slices.Contains(plotEndings(), strings.ToLower(ending)) {
			return usagef("--output is %q, want a name that ends in %s, or -f json", p.output.path, listed(plotEndings()))
		}
	}
	return nil
}

func plotEndings() []string { return []string{".svg", ".png", ".pdf", ".txt"} }

// read reads the studies.
func (p *plotCommand) read(ctx context.Context, cfg study.Config) (in plotInput, err error) {
	for _, name := range append([]string{cfg.Name}, p.compare.Value()...) {
		cfg.Name = name
		s, err := study.Load(ctx, cfg)
		if err != nil {
			return in, suggestStudy(ctx, cfg.Storage, name, err)
		}
		h, err := s.History(ctx)
		if err != nil {
			return in, err
		}
		in.studies = append(in.studies, plot.Study{Name: name, History: h})
	}
	in.history, in.reference = in.studies[0].History, p.reference.Value()
	record, err := cfg.Storage.Load(ctx, in.studies[0].Name)
	if err != nil {
		return in, err
	}
	o := outline.Of(record)
	in.step, in.config.Names = o.Step, o.Metrics
	if in.config.Objective, err = objectiveNumber(p.objective, o.Metrics); err != nil {
		return in, err
	}
	in.config.Params = p.params.Value()
	return in, nil
}

// objectiveNumber returns the objective that text names or counts.
func objectiveNumber(text string, names []string) (int, error) {
	if text == "" {
		return 0, nil
	}
	if i := slices.Index(names, text); i >= 0 {
		return i, nil
	}
	i, err := strconv.Atoi(text)
	if err != nil || i < 0 || i >= len(names) {
		var known []string
		for i, name := range names {
			known = append(known, fmt.Sprintf("%d (%s)", i, name))
		}
		return 0, usagef("--objective is %q, want %s", text, strings.Join(known, " or "))
	}
	return i, nil
}

// write writes the picture, or its data.
func (p *plotCommand) write(con console, data any, f picture.Figure) error {
	var b bytes.Buffer
	var err error
	ending := strings.ToLower(filepath.Ext(p.output.path))
	columns, rows := sizeOf(con.out.w)
	columns, rows = cmp.Or(p.width, columns, 80), cmp.Or(p.height, max(rows-1, 0), 23)
	switch {
	case p.format == "json":
		var text []byte
		text, err = json.Marshal(data)
		b.Write(append(text, '\n'))
	case !p.output.toFile():
		if err := f.Text(&b, columns, rows, con.out.colored()); err != nil {
			return err
		}
		return con.out.writeEscapes(b.Bytes())
	case ending == ".txt":
		err = f.Text(&b, cmp.Or(p.width, 80), cmp.Or(p.height, 23), false)
	case ending == ".png":
		err = f.PNG(&b, p.width, p.height)
	case ending == ".pdf":
		err = f.PDF(&b, p.width, p.height)
	default:
		err = f.SVG(&b, p.width, p.height)
	}
	if err != nil {
		return err
	}
	file, err := p.output.write(con, p.study.storage, b.Bytes())
	if file && err == nil {
		con.logf("Wrote %s.", p.output.path)
	}
	return err
}
