package dashboard

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/bluefin-hpo/bluefin/sampler"
	"github.com/bluefin-hpo/bluefin/storage/sqlite"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// These tests drive Debian's Chromium: one process, a tab for each test. They are skipped without it,
// and fail then if CI=true.

// A chromium is a running Chromium.
type chromium struct{ ctx context.Context }

func startChromium(t testing.TB) chromium {
	t.Helper()
	if testing.Short() {
		t.Skip("drives a browser")
	}
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("no Chromium: .ci/run installs it")
		}
		t.Skip("needs Chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("use-angle", "swiftshader"), chromedp.Flag("enable-unsafe-swiftshader", true), // WebGL without a GPU
		chromedp.Flag("disable-component-update", true), chromedp.Flag("no-proxy-server", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return chromium{ctx}
}

// A tab is a page of the browser. Whatever it writes to its console, such as an exception or a
// violation of the Content-Security-Policy, fails the test at its end, except what is expected.
type tab struct {
	t    testing.TB
	ctx  context.Context
	base string

	mu       sync.Mutex
	messages []string
	expected string
}

func (b chromium) open(t testing.TB, base string, width, height int64) *tab {
	ctx, cancel := chromedp.NewContext(b.ctx)
	w := &tab{t: t, ctx: ctx, base: base}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			w.mu.Lock()
			w.messages = append(w.messages, fmt.Sprintf("%s %s (%s:%d)", m.Type, m.Text, m.URL, m.Line))
			w.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, m := range w.messages {
			hint := strings.Contains(m, "Canvas2D: Multiple readback operations") // on speed, about plotly's labels in space
			if !hint && (w.expected == "" || !strings.Contains(m, w.expected)) {
				t.Errorf("the console says: %s", m)
			}
		}
		cancel()
	})
	w.do(chromedp.EmulateViewport(width, height))
	return w
}

func (w *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		w.t.Fatal(err)
	}
}

// scheme chooses the system's colors.
func (w *tab) scheme(name string) { w.t.Helper(); w.media("", "prefers-color-scheme", name) }

// media chooses the medium ("print", or "" for the screen) and a feature of it.
func (w *tab) media(medium, feature, value string) {
	w.t.Helper()
	w.do(func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		_, err = cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media: medium, Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
		return v, err
	})
}

// visit opens a page and waits until its figures are drawn.
func (w *tab) visit(path string) {
	w.t.Helper()
	w.do(chromedp.Navigate(w.base + path))
	w.drawn()
}

func (w *tab) drawn() {
	w.t.Helper()
	w.wait(`[...document.querySelectorAll('figure[data-plot]')].every((f) => !f.hasAttribute('aria-busy') &&
		(f.closest('details:not([open])') || f.querySelector('.area')?.dataset.drawn))`, "figures that are drawn")
}

// openAll opens all panels of a page.
func (w *tab) openAll() {
	w.t.Helper()
	w.run(`document.querySelectorAll('details').forEach((d) => { d.open = true; })`)
	w.wait(`document.readyState === 'complete'`, "a page")
	time.Sleep(100 * time.Millisecond) // the event of opening comes later
	w.drawn()
}

// eval returns the value of a JavaScript expression.
func eval[T any](w *tab, js string) T {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		w.t.Fatalf("%v: %s", err, js)
	}
	return v
}

func (w *tab) run(js string) { w.t.Helper(); eval[bool](w, "(() => {"+js+"; return true; })()") }

// wait waits for a condition in JavaScript. A page that is just left answers with an error.
func (w *tab) wait(js, want string) {
	w.t.Helper()
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+js+")"))
		cancel()
		if ok {
			return
		}
		if time.Now().After(end) {
			w.t.Fatalf("want %s: waited in vain for %s: %v; errors shown: %q", want, js, err, w.errors())
		}
	}
}

// errors are what the page itself reports.
func (w *tab) errors() string {
	return eval[string](w, `[...document.querySelectorAll('.error:not([hidden])')].map((e) => e.textContent).join(' | ')`)
}

// A sample is a study file with studies that were really searched.
type sample struct {
	db   *sqlite.DB
	path string
	url  string
}

func newSample(t testing.TB, write bool) sample { return sampleWith(t, Config{AllowWrite: write}) }

func sampleWith(t testing.TB, cfg Config) sample {
	t.Helper()
	path := filepath.Join(t.TempDir(), "study.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	cfg.Path = path
	s, err := New(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		s.End()
		server.CloseClientConnections()
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return sample{db, path, server.URL}
}

// search adds trials to a study, until it has so many, and returns all of them.
func (s sample) search(t *testing.T, cfg study.Config, trials int, f study.MultiObjective) []*trial.Trial {
	t.Helper()
	cfg.Storage, cfg.Sampler, cfg.Seed = s.db, sampler.Random{}, 1
	st, err := study.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.OptimizeMulti(t.Context(), f, study.Budget{Trials: trials}); err != nil {
		t.Fatal(err)
	}
	all, err := st.Trials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// valley is an objective with parameters of all kinds, reports, failures, pruned and infeasible trials.
func valley(t *study.Trial) ([]float64, error) {
	lr, layers, opt := t.LogFloat("lr", 1e-5, 1), t.Int("layers", 1, 8), t.Categorical("opt", "adam", "sgd")
	if opt == "sgd" {
		t.Float("momentum", 0, 1)
	}
	value := lr + float64(layers)/100
	for step := range 5 {
		if err := t.Report(step, value+1/float64(step+1)); err != nil {
			return nil, err
		}
		if t.Number()%7 == 3 && step == 2 {
			return nil, study.ErrPruned
		}
	}
	if t.Number()%11 == 5 {
		return nil, fmt.Errorf("trial %d has <b>failed</b>", t.Number())
	}
	return []float64{value}, t.Constrain("small", lr-0.5)
}

// front is an objective with two values.
func front(t *study.Trial) ([]float64, error) {
	x, y := t.Float("x", 0, 1), t.Float("y", 0, 1)
	return []float64{x + y, 1 - x + y}, nil
}

// count counts the trials of a state, and those of them that are feasible.
func count(trials []*trial.Trial, state trial.State) (all int) {
	for _, t := range trials {
		if t.State == state {
			all++
		}
	}
	return all
}
