package serve

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// metrics are what Prometheus reads at /metrics.
type metrics struct {
	http.Handler
	registry *prometheus.Registry
	asks     prometheus.Counter
	tells    *prometheus.CounterVec   // by state
	reports  prometheus.Counter       // values
	writes   *prometheus.HistogramVec // seconds, by method
	requests *prometheus.CounterVec   // by route, method and code
	seconds  *prometheus.HistogramVec // by route
}

func newMetrics(s storage.Viewer) *metrics {
	buckets := []float64{.001, .0025, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 10}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		asks:     prometheus.NewCounter(prometheus.CounterOpts{Name: "bluefin_asks_total", Help: "Trials that were given to workers."}),
		tells:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bluefin_tells_total", Help: "Trials that ended, by state."}, []string{"state"}),
		reports:  prometheus.NewCounter(prometheus.CounterOpts{Name: "bluefin_reports_total", Help: "Intermediate values that were saved."}),
		writes: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "bluefin_write_seconds",
			Help: "How long writes to the storage took.", Buckets: buckets}, []string{"method"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bluefin_requests_total",
			Help: "Requests, by route, method and status."}, []string{"route", "method", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "bluefin_request_seconds",
			Help: "How long requests took.", Buckets: buckets}, []string{"route"}),
	}
	m.registry.MustRegister(m.asks, m.tells, m.reports, m.writes, m.requests, m.seconds,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newStudyCollector(s))
	m.Handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 3, Timeout: 20 * time.Second})
	return m
}

// connections shows how many there are.
func (m *metrics) connections(n func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "bluefin_connections", Help: "Open connections."},
		func() float64 { return float64(n()) }))
}

// request counts a request.
func (m *metrics) request(route, method string, code int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete:
	default:
		method = "other" // clients may send any word
	}
	m.requests.WithLabelValues(route, method, strconv.Itoa(code)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

// counted returns a storage that counts what goes through it, whichever door it came in by.
func (m *metrics) counted(s storage.Viewer) storage.Viewer { return counted{s, m} }

type counted struct {
	storage.Viewer
	m *metrics
}

func (c counted) took(method string, start time.Time) {
	c.m.writes.WithLabelValues(method).Observe(time.Since(start).Seconds())
}

// Begin implements storage.Storage.
func (c counted) Begin(ctx context.Context, study int64, claim storage.Claim) (*trial.Trial, error) {
	defer c.took("begin", time.Now())
	t, err := c.Viewer.Begin(ctx, study, claim)
	if err == nil {
		c.m.asks.Inc()
	}
	return t, err
}

// Add implements storage.Storage.
func (c counted) Add(ctx context.Context, study int64, t *trial.Trial) (int, error) {
	defer c.took("add", time.Now())
	n, err := c.Viewer.Add(ctx, study, t)
	if err == nil && t.State == trial.Running { // as Optuna's workers ask
		c.m.asks.Inc()
	}
	return n, err
}

// Write implements storage.Storage.
func (c counted) Write(ctx context.Context, study int64, number int, u storage.Update) error {
	defer c.took("write", time.Now())
	err := c.Viewer.Write(ctx, study, number, u)
	if err == nil {
		c.m.reports.Add(float64(len(u.Reports)))
		if u.State.Finished() {
			c.m.tells.WithLabelValues(u.State.String()).Inc()
		}
		if u.Start {
			c.m.asks.Inc()
		}
	}
	return err
}
