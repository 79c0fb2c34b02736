package metrics

import (
	"encoding/csv"
	"slices"
	"strconv"
	"strings"
)

// A csvFile is a table with a header, such as Lightning's metrics.csv and Ultralytics' results.csv.
// Cells may be padded. Empty ones are no values.
type csvFile struct{}

func (csvFile) matches(path string) bool {
	return base(path) == "metrics.csv" || base(path) == "results.csv"
}

func (csvFile) open(path, _ string) fileReader {
	return &appendedFile{path: path, start: func() parser { return (&table{comma: ','}).parse }}
}

// A table is rows below a header. A second run that appends may write a header again, perhaps another
// one that shares a name.
type table struct {
	comma  rune
	header []string
}

func (t *table) parse(text []byte, add func(Point)) int {
	return lines(text, func(line []byte) {
		if p, ok := t.row(string(line)); ok {
			add(p)
		}
	})
}

func (t *table) row(line string) (Point, bool) {
	if strings.TrimSpace(line) == "" {
		return Point{}, false
	}
	cells := strings.Split(line, string(t.comma))
	if strings.Contains(line, `"`) {
		row := csv.NewReader(strings.NewReader(line))
		row.Comma, row.LazyQuotes, row.TrimLeadingSpace = t.comma, true, t.comma != '\t'
		cells, _ = row.Read()
	}
	values := map[string]float64{}
	for i, cell := range cells {
		cells[i] = strings.TrimSpace(cell)
		if x, err := strconv.ParseFloat(cells[i], 64); err == nil && i < len(t.header) {
			values[t.header[i]] = x
		}
	}
	known := func(cell string) bool { return slices.Contains(t.header, cell) }
	if t.header == nil || len(values) == 0 && slices.ContainsFunc(cells, known) {
		t.header = cells
		return Point{}, false
	}
	if len(cells) != len(t.header) { // damaged: values cannot be matched with names
		return Point{}, false
	}
	return pointOf(values)
}
