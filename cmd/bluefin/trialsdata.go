package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"iter"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// dataFormats are for programs that read many trials. They are written as the trials are read, so the
// size of a study does not matter.
func dataFormats() []string { return []string{"csv", "jsonl", "parquet"} }

// trialsPerRead bounds the memory.
const trialsPerRead = 2000

// eachTrial reads a study a part at a time, each at a moment of its own.
func eachTrial(ctx context.Context, db storage.Viewer, study int64, n int) iter.Seq2[*trial.Trial, error] {
	return func(yield func(*trial.Trial, error) bool) {
		for first := 0; first < n; first += trialsPerRead {
			trials, err := db.Range(ctx, study, first, min(first+trialsPerRead, n))
			if err != nil {
				yield(nil, err)
				return
			}
			for _, t := range trials {
				if !yield(t, nil) {
					return
				}
			}
		}
	}
}

// survey returns the schema of all trials. Those that may still change are returned too, so that what
// is written later has no other columns.
func survey(trials iter.Seq2[*trial.Trial, error], objectives int) (*schema, map[int]*trial.Trial, error) {
	s, unfinished := newSchema(objectives), map[int]*trial.Trial{}
	for t, err := range trials {
		if err != nil {
			return nil, nil, err
		}
		s.add(t)
		if !t.State.Finished() {
			unfinished[t.Number] = t
		}
	}
	return s, unfinished, nil
}

// as replaces trials by earlier records of them.
func as(records map[int]*trial.Trial, trials iter.Seq2[*trial.Trial, error]) iter.Seq2[*trial.Trial, error] {
	return func(yield func(*trial.Trial, error) bool) {
		for t, err := range trials {
			if err == nil && records[t.Number] != nil {
				t = records[t.Number]
			}
			if !yield(t, err) {
				return
			}
		}
	}
}

// all is an iterator over a list.
func all(trials []*trial.Trial) iter.Seq2[*trial.Trial, error] {
	return func(yield func(*trial.Trial, error) bool) {
		for _, t := range trials {
			if !yield(t, nil) {
				return
			}
		}
	}
}

// writeTrials writes trials in one of the dataFormats.
func writeTrials(w io.Writer, format string, s *schema, trials iter.Seq2[*trial.Trial, error]) error {
	buffered := bufio.NewWriterSize(w, 1<<16)
	write := map[string]func(io.Writer, *schema, iter.Seq2[*trial.Trial, error]) error{
		"csv": writeTrialsCSV, "jsonl": writeTrialsJSON, "parquet": writeTrialsParquet,
	}[format]
	if err := write(buffered, s, trials); err != nil {
		return err
	}
	return buffered.Flush()
}

// dataHead is what a file in the format begins with, by which an earlier one is recognized. Later ones
// may have more columns.
func dataHead(format string, s *schema) []byte {
	switch format {
	case "csv":
		return []byte("number," + s.columns()[1].name + ",datetime_start,")
	case "jsonl":
		var b bytes.Buffer
		_ = writeTrialsJSON(&b, s, all([]*trial.Trial{{}})) // into memory
		return b.Bytes()
	}
	return []byte(parquetMagic)
}

func writeTrialsJSON(w io.Writer, s *schema, trials iter.Seq2[*trial.Trial, error]) error {
	for t, err := range trials {
		if err != nil {
			return err
		}
		line, err := pyjson.Marshal(jsonValue(s.line(t)))
		if err != nil {
			return err
		}
		if _, err := w.Write(append(pyjson.Standard(line), '\n')); err != nil {
			return err
		}
	}
	return nil
}

func writeTrialsCSV(w io.Writer, s *schema, trials iter.Seq2[*trial.Trial, error]) error {
	columns := s.columns()
	cells := make([]string, len(columns))
	rows := csv.NewWriter(w)
	for i, c := range columns {
		cells[i] = c.name
	}
	if err := rows.Write(cells); err != nil {
		return err
	}
	for t, err := range trials {
		if err != nil {
			return err
		}
		for i, c := range columns {
			switch v := jsonTime(c.of(t)).(type) {
			case []any, map[string]any:
				text, err := pyjson.Marshal(v)
				if err != nil {
					return err
				}
				cells[i] = string(pyjson.Standard(text))
			default:
				cells[i] = show(v)
			}
		}
		if err := rows.Write(cells); err != nil {
			return err
		}
	}
	rows.Flush()
	return rows.Error()
}
