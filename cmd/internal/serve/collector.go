package serve

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// mostStudies is how many studies have metrics of their own: each is several time series.
const mostStudies = 200

// A studyCollector reads the studies when Prometheus asks.
type studyCollector struct {
	storage                     storage.Viewer
	trials, left, over, studies *prometheus.Desc
}

func newStudyCollector(s storage.Viewer) studyCollector {
	return studyCollector{storage: s,
		trials:  prometheus.NewDesc("bluefin_trials", "Trials of a study, by state.", []string{"study", "state"}, nil),
		left:    prometheus.NewDesc("bluefin_lease_left_seconds", "How long the lease lasts that ends first; negative: it is over.", []string{"study"}, nil),
		over:    prometheus.NewDesc("bluefin_leases_over", "Running trials whose lease is over or whose worker is gone.", []string{"study"}, nil),
		studies: prometheus.NewDesc("bluefin_studies", "Studies. Only the newest 200 have metrics of their own.", nil, nil)}
}

// Describe implements prometheus.Collector.
func (c studyCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.trials, c.left, c.over, c.studies} {
		to <- d
	}
}

// Collect implements prometheus.Collector. What cannot be read is missing from the answer.
func (c studyCollector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	all, err := c.storage.Studies(ctx)
	if err != nil {
		to <- prometheus.NewInvalidMetric(c.studies, err)
		return
	}
	gauge := func(d *prometheus.Desc, x float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, x, labels...)
	}
	gauge(c.studies, float64(len(all)))
	for _, s := range all[max(0, len(all)-mostStudies):] {
		tally, err := c.storage.Tally(ctx, s.ID)
		if err != nil {
			continue // it was deleted a moment ago
		}
		for state := trial.Running; state <= trial.Waiting; state++ {
			gauge(c.trials, float64(tally.States[state]), s.Name, state.String())
		}
		workers, err := c.storage.Workers(ctx, s.ID)
		if err != nil {
			continue
		}
		over, least := 0, time.Duration(0)
		first := true
		for _, w := range workers {
			if w.Gone || w.Left < 0 {
				over++
			}
			if first || w.Left < least {
				least, first = w.Left, false
			}
		}
		gauge(c.over, float64(over), s.Name)
		if !first {
			gauge(c.left, least.Seconds(), s.Name)
		}
	}
}
