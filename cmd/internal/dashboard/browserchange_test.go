package dashboard

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// tabTo presses Tab until the element has the focus, as somebody without a mouse does.
func (w *tab) tabTo(selector string) {
	w.t.Helper()
	for range 80 {
		if eval[bool](w, fmt.Sprintf(`document.activeElement?.matches(%q)`, selector)) {
			if seen := eval[string](w, `getComputedStyle(document.activeElement).outlineStyle`); seen == "none" {
				w.t.Errorf("%s does not show that it has the focus", selector)
			}
			return
		}
		w.key(kb.Tab)
	}
	w.t.Fatalf("the key Tab does not reach %s; it is at %s", selector, eval[string](w, `document.activeElement.outerHTML.slice(0, 200)`))
}

// loaded waits for a page at the path that says something.
func (w *tab) loaded(path, text string) {
	w.t.Helper()
	w.wait(fmt.Sprintf(`document.readyState === 'complete' && location.pathname === %q && document.querySelector('main').innerText.includes(%q)`,
		path, text), "the page "+path+" with "+text)
}

// With nothing but keys: log in, queue a trial, write a note, stop a trial and the study, delete the study.
func TestBrowserChangesByKeyboard(t *testing.T) {
	b := startChromium(t)
	s := sampleWith(t, Config{AllowWrite: true, Token: testToken})
	s.search(t, study.Config{Name: "valley"}, 6, valley)
	s.follow(t, "valley", "")
	w := b.open(t, s.url, 1000, 800)
	w.expected = "the server responded with a status of 40" // what a browser says of the pages that refuse
	w.do(chromedp.Navigate(s.url + "/studies/1"))
	w.loaded("/studies/1", "token")
	w.wait(`document.activeElement?.id === 'token'`, "the focus in the field")
	w.key("wrong" + kb.Enter)
	w.loaded("/login", "That is not the token.")
	w.wait(`document.activeElement?.id === 'token'`, "the focus in the field")
	w.key(testToken + kb.Enter)
	w.loaded("/", "valley")
	if cookie := eval[string](w, `document.cookie`); cookie != "" {
		t.Errorf("scripts can read the cookie %q", cookie)
	}
	for _, step := range []struct {
		path, link string   // where a link leads to the change
		keys       []string // selectors to go to, or what to type
		to, says   string
	}{
		{"/studies/1", "a[href$='/enqueue']", []string{"[name='p.lr']", "\x01", "2", "form.enqueue button", kb.Enter}, "/studies/1/enqueue", "lr is 2"},
		{"", "", []string{"[name='p.lr']", "\x01", "0.001", "form.enqueue button", kb.Enter}, "/studies/1", "Trial 7 is queued."},
		{"/studies/1", "#note a", []string{"textarea", "By **keys**", "form.edit button", kb.Enter}, "/studies/1", "By keys"},
		{"/studies/1/trials/6", "a[href$='/trials/6/stop']", []string{"form.confirm button", kb.Enter}, "/studies/1/trials/6", "Trial 6 is stopped."},
		{"/studies/1", "a[href='/studies/1/stop']", []string{"form.confirm button", kb.Enter}, "/studies/1", "The study stops"},
		{"/studies/1", "a[href$='/delete']", []string{"[name=sure]", " ", "form.confirm button", kb.Enter}, "/", "The study is deleted."},
	} {
		if step.path != "" {
			w.visit(step.path)
			w.tabTo(step.link)
			w.key(kb.Enter)
			w.wait(`document.readyState === 'complete' && document.querySelector('main form[method=post]')`, "a form")
		}
		for _, key := range step.keys {
			switch {
			case key == "\x01":
				w.run(`document.activeElement.select()`)
			case strings.ContainsAny(key, ".[") && key[0] > ' ' && key[0] != '0' || key == "textarea":
				w.tabTo(key)
			default:
				w.key(key)
			}
		}
		w.loaded(step.to, step.says)
		if step.says == "Trial 7 is queued." {
			st, err := study.Open(t.Context(), study.Config{Name: "valley", Storage: s.db})
			if err != nil {
				t.Fatal(err)
			}
			if tr, err := st.Trial(t.Context(), 7); err != nil || tr.State != trial.Waiting {
				t.Errorf("after %q the trial is %v, %v", step.says, tr, err)
			}
		}
	}
	if all, err := s.db.Studies(t.Context()); err != nil || len(all) != 0 {
		t.Errorf("the file still has %d studies, %v", len(all), err)
	}
}

func TestBrowserFiguresOfModelsAndSpace(t *testing.T) {
	b := startChromium(t)
	s := newSample(t, false)
	s.search(t, study.Config{Name: "tuned"}, 6, tuned)
	log := s.follow(t, "tuned", "first line\n")
	trials := s.search(t, study.Config{Name: "three", Directions: []trial.Direction{trial.Minimize, trial.Maximize, trial.Minimize}}, 30,
		func(tr *study.Trial) ([]float64, error) {
			x, y := tr.Float("x", 0, 1), tr.Float("y", 0, 1)
			return []float64{x, x * (1 - y), x + y}, nil
		})
	w := b.open(t, s.url, 1300, 900)

	// A log that grows appears, and what looks like markup is text.
	w.visit("/studies/1/trials/6")
	w.wait(`document.getElementById('log').textContent === 'first line\n'`, "the start of the log")
	w.run(`window.stayed = true`)
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i := range 3 {
		fmt.Fprintf(f, "<b>loss</b> %d\n", i)
		w.wait(fmt.Sprintf(`document.getElementById('log').textContent.endsWith('<b>loss</b> %d\n')`, i), "a new line of the log")
	}
	if !eval[bool](w, `window.stayed && !document.querySelector('#log b')`) {
		t.Error("the page was loaded again, or the log is markup")
	}

	// Losses by epoch: the over-fitted trials are red and named to screen readers.
	w.visit("/studies/1")
	w.openAll()
	curves := eval[[]bool](w, `document.querySelector('figure[data-plot=training] .area').chart.curves.map((c) => c.overfitted)`)
	if fmt.Sprint(curves) != "[false true false true false true]" {
		t.Errorf("the curves are over-fitted: %v", curves)
	}
	if text := eval[string](w, `document.querySelector('figure[data-plot=training]').textContent`); !strings.Contains(text, "of 6 trials, 3 over-fitted") ||
		!strings.Contains(text, "red: over-fitted") {
		t.Errorf("the figure of losses says %q", text)
	}
	if n := w.dots("figure[data-plot=training] .area", color.RGBA{0xc8, 0x44, 0x3f, 255}); n < 100 {
		t.Errorf("%d pixels of the losses are red", n)
	}

	// Three objectives in space, drawn by WebGL.
	w.visit("/studies/2")
	w.openAll()
	w.wait(`document.querySelector('figure[data-plot=pareto] .gl-container canvas')`, "a figure in space")
	if n := eval[int](w, `document.querySelector('figure[data-plot=pareto] .area').data.reduce((n, trace) => n + trace.z.length, 0)`); n != len(trials) {
		t.Errorf("the Pareto front shows %d trials, want %d", n, len(trials))
	}
	for end := time.Now().Add(20 * time.Second); w.dots("figure[data-plot=pareto] .area", color.RGBA{0xd9, 0x7a, 0, 255}) < 50; {
		if time.Now().After(end) {
			t.Fatal("the Pareto front in space has no orange points")
		}
	}
	w.visit("/compare?study=1&study=2")
	if said := w.errors(); said != "" {
		t.Errorf("the comparison of studies with different objectives says %s", said)
	}
}

// dots counts the pixels of an element on the screen that have about a color.
func (w *tab) dots(selector string, like color.RGBA) (n int) {
	w.t.Helper()
	w.run(fmt.Sprintf(`document.querySelector(%q).scrollIntoView({ block: 'center' })`, selector))
	box := eval[map[string]float64](w, fmt.Sprintf(`(() => { const r = document.querySelector(%q).getBoundingClientRect(); return { x: r.x, y: r.y, w: r.width, h: r.height }; })()`, selector))
	shot, err := chromedp.Run(w.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		w.t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		w.t.Fatal(err)
	}
	near := func(a uint32, b uint8) bool { return int(a>>8)-int(b) < 24 && int(b)-int(a>>8) < 24 }
	r := image.Rect(int(box["x"]), int(box["y"]), int(box["x"]+box["w"]), int(box["y"]+box["h"])).Intersect(img.Bounds())
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if red, green, blue, _ := img.At(x, y).RGBA(); near(red, like.R) && near(green, like.G) && near(blue, like.B) {
				n++
			}
		}
	}
	return n
}
