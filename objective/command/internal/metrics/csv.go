package metrics

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
)

// A csvFile is a table with a header, such as Lightning's metrics.csv and Ultralytics' results.csv,
// which pads its cells. Empty cells are no values.
type csvFile struct{}

func (csvFile) matches(path string) bool {
	return base(path) == "metrics.csv" || base(path) == "results.csv"
}

func (csvFile) open(path string) fileReader { return wholeFile{path, parseCSV} }

func parseCSV(text []byte, add func(Point)) {
	text = text[:bytes.LastIndexByte(text, '\n')+1] // the last line may be incomplete
	rows := csv.NewReader(bytes.NewReader(text))
	rows.FieldsPerRecord = -1
	header, err := rows.Read()
	for err == nil {
		var row []string
		if row, err = rows.Read(); err != nil {
			break
		}
		values := map[string]any{}
		for i, cell := range row[:min(len(row), len(header))] {
			if x, err := strconv.ParseFloat(strings.TrimSpace(cell), 64); err == nil {
				values[strings.TrimSpace(header[i])] = x
			}
		}
		if p, ok := newPoint(values); ok {
			add(p)
		}
	}
}
