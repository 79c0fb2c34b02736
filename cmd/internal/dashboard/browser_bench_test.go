package dashboard

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/bluefin-hpo/bluefin/space"
	"github.com/bluefin-hpo/bluefin/storage"
	"github.com/bluefin-hpo/bluefin/trial"
)

// BenchmarkLargeStudy times, in Chromium, the pages of a study with 20,000 trials of 10 parameters and up
// to 100 reports each, and then the answer that a page of optuna-dashboard waits for, from the same file.
// Run it once: go test ./cmd/internal/dashboard -run '^$' -bench LargeStudy -benchtime 1x -timeout 30m
func BenchmarkLargeStudy(b *testing.B) {
	s := newSample(b, false)
	record, err := s.db.Import(b.Context(), storage.Snapshot{
		Study: storage.Study{Name: "large", Directions: []trial.Direction{trial.Minimize}}, Trials: largeStudy(20000, 100)})
	if err != nil {
		b.Fatal(err)
	}
	page := fmt.Sprintf("/studies/%d", record.ID)
	w := startChromium(b).open(b, s.url, 1300, 900)
	report := func(name string, d time.Duration) { b.ReportMetric(float64(d.Milliseconds()), name+"-ms") }
	for b.Loop() {
		began := time.Now()
		w.visit(page)
		report("cold-paint", w.paint())
		w.wait(`!document.querySelector('#loading')?.textContent.includes('trials') && document.querySelector('#plot-history .area')?.dataset.drawn`,
			"all trials")
		report("cold-trials", time.Since(began))
		w.wait(`!document.querySelector('#loading .loading')`, "the whole study")
		report("cold-read", time.Since(began))
		leave := func() { w.do(chromedp.Navigate("about:blank")) } // what the last page holds is freed before
		leave()
		w.visit(page)
		report("paint", w.paint())
		report("open-figures", w.took(`true`)) // those that are always open are drawn
		for _, name := range eval[[]string](w, `[...document.querySelectorAll('details.panel')].map((d) => d.id)`) {
			w.run(`window.began = performance.now(); document.getElementById('` + name + `').open = true`)
			report(name, w.took(`document.querySelector('#`+name+` .area')?.dataset.drawn && !document.querySelector('#`+name+
				` figure').hasAttribute('aria-busy')`))
		}
		for name, query := range map[string]string{"table": "", "sort-value": "?sort=value", "sort-param": "?sort=p.dropout&desc=1",
			"filter-param": "?p.dropout=0.1..0.2", "filter-words": "?q=memory", "last-page": "?page=200"} {
			leave()
			w.visit(page + "/trials" + query)
			report(name, w.paint())
		}
	}
	b.StopTimer()
	b.ReportMetric(0, "ns/op")
	optunaDashboard(b, s)
}

// paint returns when the page was first painted with content, from the start of its navigation.
func (w *tab) paint() time.Duration {
	w.t.Helper()
	const entry = `performance.getEntriesByName('first-contentful-paint')[0]`
	w.wait(entry, "a painted page")
	return time.Duration(eval[float64](w, entry+`.startTime`) * float64(time.Millisecond))
}

// took returns the time from window.began, or else from the start of the navigation, to the frame in which
// a condition holds.
func (w *tab) took(js string) time.Duration {
	w.t.Helper()
	ms := eval[float64](w, `new Promise((done) => { const look = () => { if (`+js+
		`) done(performance.now() - (window.began ?? 0)); else requestAnimationFrame(look); }; look(); })`)
	return time.Duration(ms * float64(time.Millisecond))
}

// optunaDashboard reports how long optuna-dashboard takes for the study and how large its answer is.
func optunaDashboard(b *testing.B, s sample) {
	python := os.Getenv("BLUEFIN_PYTHON")
	if python == "" {
		b.Log("BLUEFIN_PYTHON names no Python with optuna-dashboard: its figures are left out")
		return
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().(*net.TCPAddr)
	l.Close()
	cmd := exec.Command(filepath.Join(filepath.Dir(python), "optuna-dashboard"), "sqlite:///"+s.path, "--port", fmt.Sprint(address.Port), "--server", "wsgiref")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _, _ = cmd.Process.Kill(), cmd.Wait() }()
	for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if c, err := net.Dial("tcp", address.String()); err == nil {
			c.Close()
			break
		} else if time.Now().After(end) {
			b.Fatal(err)
		}
	}
	began := time.Now()
	answer, err := http.Get("http://" + address.String() + "/api/studies/1")
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	n, err := io.Copy(io.Discard, answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.Fatal(answer.Status, err)
	}
	b.ReportMetric(time.Since(began).Seconds(), "optuna-dashboard-s")
	b.ReportMetric(float64(n)/1e6, "optuna-dashboard-MB")
}

// largeStudy returns finished trials of a random search with pruning on four workers.
func largeStudy(n, reports int) []*trial.Trial {
	r := rand.New(rand.NewPCG(1, 2))
	dists := []space.Dimension{
		{Name: "learning_rate", Dist: space.Float{Low: 1e-6, High: 0.1, Log: true}}, {Name: "dropout", Dist: space.Float{High: 0.5}},
		{Name: "weight_decay", Dist: space.Float{High: 0.3}}, {Name: "warmup", Dist: space.Float{High: 0.2}},
		{Name: "smoothing", Dist: space.Float{High: 0.2}}, {Name: "batch_size", Dist: space.Int{Low: 8, High: 64, Log: true}},
		{Name: "frozen_layers", Dist: space.Int{High: 6}}, {Name: "epochs", Dist: space.Int{Low: 1, High: 20}},
		{Name: "schedule", Dist: space.Choose("constant", "linear", "cosine").Dist()},
		{Name: "optimizer", Dist: space.Choose("adamw", "sgd").Dist()},
	}
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	free := [4]time.Time{start, start, start, start}
	trials := make([]*trial.Trial, n)
	for i := range trials {
		t := &trial.Trial{Number: i, State: trial.Complete, Seen: i, Start: free[i%4]}
		value := 0.3
		for k, d := range dists {
			u := r.Float64()
			t.Params = append(t.Params, trial.Param{Name: d.Name, Value: d.Dist.Value(u), Dist: d.Dist})
			value += (u - 0.4) * (u - 0.4) / float64(k+1)
		}
		last := reports
		if r.Float64() < 0.3 {
			t.State, last = trial.Pruned, 1+r.IntN(reports)
		}
		for step := range last {
			t.Reports = append(t.Reports, trial.Report{Step: step, Value: value + math.Exp(-float64(step)/12) + 0.02*r.NormFloat64()})
		}
		t.Values = []float64{value}
		if t.State == trial.Pruned {
			t.Values[0] = t.Reports[last-1].Value
		}
		t.End = t.Start.Add(time.Duration(last) * 200 * time.Millisecond)
		free[i%4] = t.End.Add(time.Duration(r.IntN(3)) * time.Second)
		trials[i] = t
	}
	return trials
}
