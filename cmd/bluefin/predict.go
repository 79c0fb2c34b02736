package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
)

// predictCommand applies a network saved by finetune to new rows.
type predictCommand struct {
	model       string
	input       string // "-": standard input
	output      outputFlags
	textColumn  string // "": as in training
	labelColumn string // "": as in training
	encoding    string
}

// define needs few flags: the folder says how its network was trained.
func (p *predictCommand) define() *cli.Command {
	return &cli.Command{
		Name:  "predict",
		Usage: "predict labels with a network saved by finetune --output",
		Description: "The predictions are CSV with a line for each row of --input: the label and the\n" +
			"probability of each class, or the number of a regression.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "model", Destination: &p.model, DefaultText: required,
				Usage: "the `FOLDER` that finetune --output wrote"},
			&cli.StringFlag{Name: "input", Destination: &p.input, Aliases: []string{"i"}, DefaultText: required,
				Usage: "the `FILE` with the rows, CSV or TSV with names in the first line, - for standard input"},
		}, p.output.flags(), []cli.Flag{
			&cli.StringFlag{Name: "text-column", Destination: &p.textColumn, DefaultText: "as in training",
				Usage: "the `NAME` of the column with the texts"},
			&cli.StringFlag{Name: "label-column", Destination: &p.labelColumn, DefaultText: "as in training",
				Usage: "the `NAME` of the column with the true labels; if present, the last line reports how many " +
					"predictions are right"},
			encodingFlag(&p.encoding),
		}),
		Action: action(p.run),
	}
}

// run works in batches, so the input may be larger than memory, or endless.
func (p *predictCommand) run(ctx context.Context, con console) error {
	// A misspelled BLUEFIN_KERNEL would silently give other digits.
	if _, err := finetune.Kernel(); err != nil {
		return err
	}
	net, err := p.load()
	if err != nil {
		return err
	}
	from, name := con.in, "standard input"
	if p.input != "-" {
		f, err := os.Open(p.input)
		if err != nil {
			return fmt.Errorf("--input: %w", err)
		}
		defer f.Close()
		from, name = f, p.input
	}
	// Ends the reader when this command ends early.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	next := readParts(ctx, from, name, p.encoding)
	first := next() // its columns are checked before anything is written
	if first.err == nil {
		first.err = net.check(first.rows)
	}
	if first.err == io.EOF {
		first.err = fmt.Errorf("%s: there are no rows below the column names", name)
	}
	if first.err != nil {
		return dataError(first.err)
	}
	var failed error // while predicting: stream would present it as an error of the output
	write := func(w io.Writer) error {
		err := net.all(w, first, next)
		if !errors.As(err, new(writingError)) {
			failed = err
		}
		return err
	}
	if !p.output.toFile() {
		err = write(con.out)
	} else if err = p.output.stream("", net.header(), write); err == nil {
		con.logf("Wrote %s.", p.output.path)
	}
	if err = cmp.Or(failed, err); err != nil {
		return dataError(err)
	}
	net.judge(con)
	return nil
}

// A part is some rows of the input, or the reason why there are no more.
type part struct {
	rows *finetune.Rows
	err  error
}

// batch is how many rows are predicted at once.
const batch = 256

// readParts returns a function that returns the next part of the input. It reads ahead, and does not
// wait for standard input once ctx has ended.
func readParts(ctx context.Context, from io.Reader, name, encoding string) (next func() part) {
	// Reading continues while a batch is predicted.
	parts := make(chan part)
	go func() {
		last := part{err: io.EOF}
		for rows, err := range finetune.ReadRows(from, name, encoding, batch) {
			if err != nil {
				last.err = err
				break
			}
			select {
			case parts <- part{rows: rows}:
			case <-ctx.Done():
				return
			}
		}
		for {
			select {
			// Again and again, because next may be called after the end.
			case parts <- last:
			// A read from a terminal cannot be interrupted, so it is left behind.
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() part {
		if ctx.Err() != nil {
			return part{err: errInterrupted}
		}
		select {
		case p := <-parts:
			return p
		case <-ctx.Done():
			return part{err: errInterrupted}
		}
	}
}

// A writingError is an error of the output.
type writingError struct{ error }

func (e writingError) Unwrap() error { return e.error }

// header is the first line of the output.
func (p *predictor) header() []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	names := []string{"prediction"}
	for _, class := range p.classes {
		names = append(names, "probability of "+class)
	}
	// csv quotes names with commas; errors are those of a buffer, which has none.
	w.Write(names)
	w.Flush()
	return b.Bytes()
}

// all writes the predictions of all rows.
func (p *predictor) all(to io.Writer, rows part, next func() part) error {
	if _, err := to.Write(p.header()); err != nil {
		return writingError{err}
	}
	w := csv.NewWriter(to)
	for ; rows.err == nil; rows = next() {
		y, err := p.predict(rows.rows)
		if err != nil {
			return err
		}
		// No such column: nothing to judge.
		labels, _ := rows.rows.Column(p.labelColumn)
		for i := range y.Rows {
			record, label := p.record(y.Data[i*y.Stride : i*y.Stride+y.Cols])
			if labels != nil {
				p.compare(label, y.Data[i*y.Stride], strings.TrimSpace(labels[i]))
			}
			w.Write(record)
		}
		// After each batch, so a reader of a pipe sees the lines early.
		if w.Flush(); w.Error() != nil {
			return writingError{w.Error()}
		}
	}
	if rows.err == io.EOF {
		return nil
	}
	return rows.err
}

// record returns a line of the output, and the predicted label.
func (p *predictor) record(y []float32) (record []string, label string) {
	// As many digits as float32 has, so that reading them back gives the same number.
	text := func(x float32) string { return strconv.FormatFloat(float64(x), 'g', -1, 32) }
	if p.classes == nil {
		return []string{text(y[0])}, ""
	}
	record = make([]string, 1, 1+len(y))
	for _, probability := range y {
		record = append(record, text(probability))
	}
	// The first of equal ones, as in training.
	record[0] = p.classes[slices.Index(y, slices.Max(y))]
	return record, record[0]
}
