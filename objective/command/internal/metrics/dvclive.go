package metrics

import (
	"path"
	"regexp"

	"github.com/bluefin-hpo/bluefin/internal/pyjson"
)

// A dvclive is DVCLive's series of one metric, plots/metrics/NAME.tsv. Slashes in a name make a path.
type dvclive struct{}

var dvclivePath = regexp.MustCompile(`(?:^|/)plots/metrics/(.+)\.(tsv|csv)$`)

func (dvclive) matches(path string) bool { return dvclivePath.MatchString(path) }

func (dvclive) open(file, below string) fileReader {
	found := dvclivePath.FindStringSubmatch(below)
	name, comma := found[1], '\t'
	if found[2] == "csv" {
		comma = ','
	}
	return &appendedFile{path: file, start: func() parser {
		t := &table{comma: comma}
		return func(text []byte, add func(Point)) int {
			return t.parse(text, func(p Point) {
				if x, ok := p.Values[path.Base(name)]; ok { // the column has the last part of the name
					p.Values = map[string]float64{name: x}
					add(p)
				}
			})
		}
	}}
}

// A metricsJSON is metrics.json of DVCLive or of scripts for DVC: the last value of each metric.
type metricsJSON struct{}

func (metricsJSON) matches(path string) bool { return base(path) == "metrics.json" }

func (metricsJSON) open(path, _ string) fileReader {
	return &wholeFile{path: path, parse: func(text []byte, add func(Point)) {
		v, _ := pyjson.Unmarshal(text)
		values, _ := v.(map[string]any)
		if p, ok := newPoint(values); ok {
			add(p)
		}
	}}
}
