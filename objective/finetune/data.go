package finetune

import (
	"io"
	"iter"

	"github.com/bluefin-hpo/bluefin/objective/finetune/internal/table"
)

// Errors about CSV files, for errors.Is.
var (
	ErrEncoding = table.ErrEncoding // the bytes are not text in the encoding
	ErrMissing  = table.ErrMissing  // rows lack a text or a label
	ErrColumn   = table.ErrColumn   // an error or warning: better leave the column out
)

// Encodings returns the names of the encodings of CSV files, "utf-8" first.
func Encodings() []string { return table.Encodings() }

// Rows holds rows of a CSV file as text. It is immutable.
type Rows = table.Table

// ReadRows yields the rows of a CSV file in batches of n, so that the file may
// be larger than memory. Its first line names the columns. The name is for
// messages; its ending .tsv or .tab means that tabs separate the columns. An
// error is the last thing yielded.
func ReadRows(from io.Reader, name, encoding string, n int) iter.Seq2[*Rows, error] {
	return func(yield func(*Rows, error) bool) {
		r, err := table.NewReader(from, name, table.Options{Encoding: encoding})
		for err == nil {
			var rows *Rows
			if rows, err = r.Next(n); err == nil && !yield(rows, nil) {
				return
			}
		}
		if err != io.EOF {
			yield(nil, err)
		}
	}
}
