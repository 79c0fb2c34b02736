package dashboard

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// points says in JavaScript how many points, curves or bars each figure has drawn, by what its library holds.
const points = `(() => {
	const list = (name) => document.querySelector('figure[data-plot=' + name + '] .area');
	const filled = (column) => column.filter((x) => x !== null && x !== undefined).length;
	const all = {};
	for (const figure of document.querySelectorAll('figure[data-plot]')) {
		const area = figure.querySelector('.area'), name = figure.dataset.plot;
		if (!area?.dataset.drawn) continue;
		if (area.data) all[name] = area.data[0].type === 'parcoords' ? area.data[0].dimensions[0].values.length
			: area.data.filter((trace) => trace.meta === 'trials').reduce((n, trace) => n + trace.x.length, 0);
		else if (area.querySelector('table.bars')) all[name] = area.querySelectorAll('table.bars tr').length;
		else if (area.chart?.curves) all[name] = area.chart.curves.length;
		else if (area.chart?.bars) all[name] = area.chart.bars.length;
		else if (area.chart?.plot) all[name] = name === 'history' ? filled(area.chart.plot.data[1]) + filled(area.chart.plot.data[2])
			: filled(area.chart.plot.data[1]);
	}
	return all;
})()`

// blank lists the figures whose canvases and drawings show nothing.
const blank = `[...document.querySelectorAll('figure[data-plot]')].filter((figure) => {
	const area = figure.querySelector('.area');
	if (!area?.dataset.drawn || area.querySelector('table.bars tr, .scatterlayer .point, .gl-canvas, .gl-container canvas, .empty')) return false;
	const canvas = area.querySelector('.uplot canvas');
	const pixels = canvas?.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data ?? [];
	return pixels.filter((x, i) => i % 4 === 3 && x > 0).length < 500;
}).map((figure) => figure.dataset.plot).join(' ')`

func TestBrowser(t *testing.T) {
	b := startChromium(t)
	s := newSample(t, false)
	one := s.search(t, study.Config{Name: "valley"}, 60, valley)
	two := s.search(t, study.Config{Name: "front", Directions: []trial.Direction{trial.Minimize, trial.Maximize}}, 25, front)

	s.search(t, study.Config{Name: "valley again"}, 20, valley)

	t.Run("figures have all points", func(t *testing.T) {
		w := b.open(t, s.url, 1300, 900)
		w.visit("/studies/1")
		if eval[bool](w, `typeof Plotly !== 'undefined'`) {
			t.Error("plotly was loaded before one of its figures was opened")
		}
		w.openAll()
		complete := count(one, trial.Complete)
		sgd := 0
		for _, r := range one {
			if _, ok := r.Param("momentum"); ok && r.State == trial.Complete {
				sgd++
			}
		}
		want := map[string]int{"history": complete, "intermediate": len(one) - count(one, trial.Failed), "importances": 4,
			"parallel": complete, "slice": 3*complete + sgd, "edf": 100, "timeline": len(one)}
		got := eval[map[string]int](w, points)
		for name, n := range want {
			if got[name] != n {
				t.Errorf("%s shows %d points, want %d", name, got[name], n)
			}
		}
		for _, name := range []string{"contour", "rank"} { // of two parameters that all trials have, or one that few have
			if got[name] != complete && got[name] != sgd {
				t.Errorf("%s shows %d points, want %d or %d", name, got[name], complete, sgd)
			}
		}
		if names := eval[string](w, blank); names != "" {
			t.Errorf("nothing is drawn in %s", names)
		}
		if said := w.errors(); said != "" {
			t.Errorf("the page says %s", said)
		}
		w.visit("/studies/2")
		w.openAll()
		got = eval[map[string]int](w, points)
		for name, n := range map[string]int{"pareto": len(two), "hypervolume": len(two), "history": len(two), "parallel": len(two)} {
			if got[name] != n {
				t.Errorf("%s of two objectives shows %d points, want %d", name, got[name], n)
			}
		}
	})

	t.Run("a running study appears", func(t *testing.T) {
		live := newSample(t, false)
		live.search(t, study.Config{Name: "live"}, 1, front1)
		w := b.open(t, live.url, 1300, 900)
		w.visit("/studies/1")
		w.run(`window.stayed = true`)
		first := eval[string](w, `document.getElementById('best').textContent`)
		all := live.search(t, study.Config{Name: "live"}, 12, front1)
		w.wait(fmt.Sprintf(`(%s).history === %d`, points, count(all, trial.Complete)), "the new trials in the history")
		w.wait(`document.querySelector('figure[data-plot=intermediate] .area')?.dataset.drawn`, "a figure of the first reports")
		w.wait(fmt.Sprintf(`document.getElementById('states').textContent.includes('%d')`, len(all)), "the new count of trials")
		if now := eval[string](w, `document.getElementById('best').textContent`); now == first {
			t.Errorf("the best trial is still %q", now)
		}
		if !eval[bool](w, `window.stayed === true`) {
			t.Error("the page was loaded again")
		}
	})

	t.Run("a brushed range filters the page", func(t *testing.T) {
		w := b.open(t, s.url, 1300, 900)
		w.visit("/studies/1?state=COMPLETE")
		w.run(`document.getElementById('panel-parallel').open = true`)
		w.wait(`document.querySelector('.parcoords .axis-brush .background, .parcoords .axis-brush')`, "axes with brushes")
		w.drawn()
		w.run(`document.getElementById('panel-parallel').scrollIntoView({ block: 'center' })`)
		axis := eval[int](w, `document.querySelector('figure[data-plot=parallel] .area').axes.findIndex((a) => a.key === 'p.lr')`)
		box := eval[map[string]float64](w, fmt.Sprintf(`(() => {
			const r = document.querySelectorAll('.parcoords .axis-brush')[%d].getBoundingClientRect();
			return { x: r.x + r.width / 2, top: r.top, height: r.height };
		})()`, axis))
		w.drag(box["x"], box["top"]+box["height"]*0.75, box["top"]+box["height"]*0.3)
		w.wait(`new URLSearchParams(location.search).get('p.lr')`, "the range in the URL")
		search, err := url.ParseQuery(eval[string](w, `location.search.slice(1)`))
		if err != nil {
			t.Fatal(err)
		}
		low, high, ok := strings.Cut(search.Get("p.lr"), "..")
		from, err1 := strconv.ParseFloat(low, 64)
		to, err2 := strconv.ParseFloat(high, 64)
		if !ok || err1 != nil || err2 != nil || from >= to {
			t.Fatalf("the URL has the range %q", search.Get("p.lr"))
		}
		inside := 0
		for _, r := range one {
			if p, found := r.Param("lr"); found && r.State == trial.Complete && from <= p.Value && p.Value <= to {
				inside++
			}
		}
		if all := count(one, trial.Complete); inside == 0 || inside == all {
			t.Fatalf("the range %v to %v has %d of %d trials, want some", from, to, inside, all)
		}
		w.wait(fmt.Sprintf(`(%s).history === %d`, points, inside), "a history of the range")
		w.wait(fmt.Sprintf(`(%s).parallel === %d`, points, count(one, trial.Complete)), "parallel coordinates with all lines")
		w.visit("/studies/1/trials?" + search.Encode())
		if got := eval[int](w, `document.querySelectorAll('#table tbody tr').length`); got != inside {
			t.Errorf("the table has %d rows, want %d", got, inside)
		}
		w.run(`history.back()`)
		w.wait(`document.querySelector('figure[data-plot=history] .area')?.dataset.drawn`, "the page of the study again")
		w.wait(fmt.Sprintf(`(%s).history === %d`, points, inside), "the same filter")
	})

	t.Run("the filter bar changes the URL, the figures and the table", func(t *testing.T) {
		w := b.open(t, s.url, 1300, 900)
		w.expected = "400 (Bad Request)"
		w.visit("/studies/1")
		w.do(chromedp.SendKeys(chromedp.CSS(`#filter [name=number]`), "10..19"))
		inside := 0
		for _, r := range one[10:20] {
			if r.State == trial.Complete {
				inside++
			}
		}
		w.wait(fmt.Sprintf(`(%s).history === %d`, points, inside), "a history of ten trials")
		w.do(chromedp.SendKeys(chromedp.CSS(`#filter [name=number]`), "x"))
		w.wait(`document.querySelector('[role=alert]:not([hidden])')?.textContent.includes('19x')`, "what is wrong with the range")
		w.run(`history.back()`)
		w.wait(fmt.Sprintf(`(%s).history === %d`, points, count(one, trial.Complete)), "everything, after going back")
		w.visit("/studies/1/trials")
		w.run(`window.stayed = true`)
		w.do(chromedp.Click(chromedp.CSS(`#filter [value=PRUNED]`)))
		w.wait(fmt.Sprintf(`document.querySelectorAll('#table tbody tr').length === %d`, count(one, trial.Pruned)), "the pruned trials")
		w.do(chromedp.Click(chromedp.CSS(`#table thead th:nth-child(2) a`)))
		w.wait(`location.search.includes('sort=')`, "a sorted table")
		if !eval[bool](w, `window.stayed === true`) {
			t.Error("the page was loaded again")
		}
	})

	t.Run("the keyboard reaches everything", func(t *testing.T) {
		w := b.open(t, s.url, 1300, 900)
		w.visit("/studies/1")
		w.key(kb.Tab)
		if got := eval[string](w, `document.activeElement.className`); got != "skip" {
			t.Errorf("the first key reaches %q, want the link that skips to the content", got)
		}
		w.key(kb.Enter)
		w.wait(`document.activeElement.closest('main')`, "the content in focus")
		w.run(`document.querySelector('figure[data-plot=history] .area').focus()`)
		time.Sleep(300 * time.Millisecond) // the page scrolls to what has the focus
		w.key(kb.ArrowRight)
		w.key(kb.ArrowRight)
		w.wait(`document.querySelector('.tooltip:not([hidden]) strong')?.textContent.startsWith('Trial ')`, "a tooltip by the arrow keys")
		chosen := eval[string](w, `document.querySelector('.tooltip strong').textContent`)
		w.wait(`document.querySelector('.tooltip').textContent.includes('lr')`, "the trial's parameters in the tooltip")
		w.key(kb.Enter)
		w.wait(`/\/trials\/\d+$/.test(location.pathname)`, "the page of the trial")
		if got := eval[string](w, `location.pathname`); !strings.HasSuffix(chosen, got[strings.LastIndex(got, "/")+1:]) {
			t.Errorf("%s has the page %s", chosen, got)
		}
		w.visit("/studies/1")
		w.run(`document.querySelector('#panel-importances summary').focus()`)
		w.key(kb.Enter)
		w.wait(`document.querySelector('#panel-importances table.bars')`, "importances, opened by a key")
		outside := eval[string](w, `[...document.querySelectorAll('[onclick], div[role=button]')].map((e) => e.outerHTML).join()`)
		if outside != "" {
			t.Errorf("only a mouse works these: %s", outside)
		}
	})

	t.Run("a click on a point opens its trial", func(t *testing.T) {
		w := b.open(t, s.url, 1300, 900)
		w.visit("/studies/1")
		place := eval[map[string]float64](w, `(() => {
			const { plot, points } = document.querySelector('figure[data-plot=history] .area').chart, p = points[7], r = plot.over.getBoundingClientRect();
			return { x: r.left + plot.valToPos(p.x, 'x'), y: r.top + plot.valToPos(p.y, 'y'), trial: p.x };
		})()`)
		w.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, place["x"], place["y"]), chromedp.MouseClickXY(place["x"], place["y"]))
		w.wait(fmt.Sprintf(`location.pathname === '/studies/1/trials/%d'`, int(place["trial"])), "the page of the trial")
	})

	t.Run("the theme is kept", func(t *testing.T) {
		w := b.open(t, s.url, 1300, 900)
		w.scheme("light")
		w.visit("/")
		w.do(chromedp.Click(chromedp.CSS(`[data-theme-toggle]`)))
		w.visit("/studies/1")
		if got := eval[string](w, `document.documentElement.dataset.theme`); got != "dark" {
			t.Errorf("the theme is %q on the next page, want dark", got)
		}
		w.run(`localStorage.clear()`)
	})
}

// front1 has one value and reports.
func front1(t *study.Trial) ([]float64, error) {
	x := t.Float("x", 0, 1)
	if t.Number() > 2 {
		if err := t.Report(1, x); err != nil {
			return nil, err
		}
	}
	return []float64{1/float64(t.Number()+1) + x/1000}, nil
}

func TestBrowserIsNotHarmedByNames(t *testing.T) {
	b := startChromium(t)
	s := newSample(t, false)
	script := `<script>window.harm=1</script><img src=x onerror="window.harm=1">`
	names := []string{script, `"'><b>&amp;{{.}}`, "\u202eright to left שלום", "tab\there\x07bell\x00", strings.Repeat("long ", 90) + "end", "$x^2$ %{text} <a href='javascript:window.harm=1'>"}
	long := strings.Repeat("0123456789", 1000)
	for i, name := range names {
		s.search(t, study.Config{Name: fmt.Sprint(i, name)}, 6, func(tr *study.Trial) ([]float64, error) {
			x := 0.0
			for _, name := range names {
				x += tr.Float(name, 0, 1)
			}
			tr.Categorical("choice", append(names[:4:4], long)...)
			if err := tr.SetUserAttr("attribute", append(names, long)); err != nil {
				return nil, err
			}
			if err := tr.Report(0, x); err != nil {
				return nil, err
			}
			if tr.Number() == 5 {
				return nil, fmt.Errorf("failed: %s", strings.Join(append(names, long), "\n"))
			}
			return []float64{math.Abs(x - 3)}, nil
		})
	}
	w := b.open(t, s.url, 360, 800)
	pages := []string{"/", "/studies/1", "/studies/1/trials/5", "/studies/3", "/studies/5", "/studies/5/trials", "/compare?study=1&study=2&study=5"}
	for _, path := range pages {
		w.visit(path)
		w.openAll()
		if eval[bool](w, `window.harm === 1 || document.querySelector('main script, main img[src=x], svg a[href^="javascript"]') !== null`) {
			t.Errorf("%s ran or built what a name says", path)
		}
		if wide := eval[int](w, `document.documentElement.scrollWidth`); wide > 360 {
			t.Errorf("%s is %d pixels wide on a screen of 360", path, wide)
		}
		if said := w.errors(); said != "" {
			t.Errorf("%s says %s", path, said)
		}
	}
}

func (w *tab) key(keys string) { w.t.Helper(); w.do(chromedp.KeyEvent(keys)) }

// drag moves the pressed mouse up or down.
func (w *tab) drag(x, from, to float64) {
	w.t.Helper()
	w.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, from))
	time.Sleep(50 * time.Millisecond)
	w.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, x, from, chromedp.ButtonLeft, chromedp.ClickCount(1)))
	for i := range 8 {
		w.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, from+(to-from)*float64(i+1)/8, chromedp.ButtonLeft))
		time.Sleep(20 * time.Millisecond)
	}
	w.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, x, to, chromedp.ButtonLeft, chromedp.ClickCount(1)))
}
