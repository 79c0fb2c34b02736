package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/blas/blas32"

	"github.com/bluefin-hpo/bluefin/objective/finetune"
	"github.com/bluefin-hpo/bluefin/objective/finetune/tabular"
	"github.com/bluefin-hpo/bluefin/objective/finetune/text"
)

// A predictor is a saved network of any task.
type predictor struct {
	classes     []string // nil: a regression
	columns     []string // that the input must have
	labelColumn string   // with the true labels, if the input has it
	predict     func(rows *finetune.Rows) (blas32.General, error)

	// Counts over the rows with a label.
	judged, right int
	squares       float64
}

// load reads the network in the folder of --model.
func (p *predictCommand) load() (*predictor, error) {
	dir := p.model
	// A search that was killed may have left complete files that are not in place yet.
	if err := settleFolder(dir); err != nil {
		return nil, fmt.Errorf("--model: %w", err)
	}
	// The note has the columns of the training; without it their defaults are used.
	var n note
	if b, err := os.ReadFile(filepath.Join(dir, noteFile)); err == nil {
		_ = json.Unmarshal(b, &n) // only for defaults
	}
	if _, err := os.ReadDir(dir); err != nil {
		return nil, fmt.Errorf("--model: %w", err)
	}
	// An unreadable file exists too, and loading it gives the better error.
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return !errors.Is(err, fs.ErrNotExist)
	}
	net := &predictor{}
	switch {
	// Only tables have this file; texts have a Hugging Face folder.
	case has("features.json"):
		if p.textColumn != "" {
			return nil, usagef("--text-column is for networks of texts, and %s has one of a table", dir)
		}
		m, err := tabular.Load(dir)
		if err != nil {
			return nil, fmt.Errorf("--model: %w", err)
		}
		net.classes, net.columns, net.predict = m.Classes, m.Columns(), m.Predict
		net.labelColumn = cmp.Or(p.labelColumn, m.LabelColumn, "label")
	case has("config.json"):
		m, err := text.Load(dir)
		if err != nil {
			return nil, fmt.Errorf("--model: %w: want a folder that finetune --output wrote", err)
		}
		column := cmp.Or(p.textColumn, n.TextColumn, "text")
		net.classes, net.columns = m.Classes, []string{column}
		net.predict = func(rows *finetune.Rows) (blas32.General, error) {
			texts, err := rows.Column(column)
			if err != nil {
				return blas32.General{}, err
			}
			return m.Predict(texts), nil
		}
		net.labelColumn = cmp.Or(p.labelColumn, n.LabelColumn, "label")
	default:
		return nil, fmt.Errorf("--model is %s, which has neither features.json nor config.json: want a folder that "+
			"finetune --output wrote for texts or a table", dir)
	}
	return net, nil
}

// check returns an error unless the rows have all columns.
func (p *predictor) check(rows *finetune.Rows) error {
	var missing []string
	for _, column := range p.columns {
		if !slices.Contains(rows.Columns, column) {
			missing = append(missing, strconv.Quote(column))
		}
	}
	if missing == nil {
		return nil
	}
	// All missing ones at once, or they would be fixed one by one.
	return fmt.Errorf("the input has no column %s, want all that the network was trained on; there are %q",
		strings.Join(missing, ", "), rows.Columns)
}

// compare counts a prediction beside its label.
func (p *predictor) compare(predicted string, y float32, label string) {
	if p.classes != nil {
		// Rows without a label are predicted and not judged.
		if label != "" {
			p.judged++
		}
		if label == predicted {
			p.right++
		}
		return
	}
	// A label that is not a number is skipped, like an empty one.
	if want, err := strconv.ParseFloat(label, 64); err == nil && !math.IsInf(want, 0) && !math.IsNaN(want) {
		p.judged++
		p.squares += (float64(y) - want) * (float64(y) - want)
	}
}

// judge reports how good the predictions of rows with a label are.
func (p *predictor) judge(con console) {
	switch n := float64(p.judged); {
	case n == 0:
	case p.classes != nil:
		con.logf("%d of %d labels are predicted right: accuracy %.1f %%.", p.right, p.judged, 100*float64(p.right)/n)
	default:
		con.logf("RMSE %.4g over %d rows with a number.", math.Sqrt(p.squares/n), p.judged)
	}
}
