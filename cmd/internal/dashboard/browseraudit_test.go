package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"

	"github.com/bluefin-hpo/bluefin/objective/command"
	"github.com/bluefin-hpo/bluefin/study"
	"github.com/bluefin-hpo/bluefin/trial"
)

// faint lists the texts that stand out from their background by less than WCAG 2.2 wants (success criterion
// 1.4.3, level AA): 4.5 to 1, or 3 to 1 if they are large.
const faint = `(() => {
	const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
	const rgba = (color) => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = color;
		canvas.fillRect(0, 0, 1, 1);
		const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
		return [r, g, b, a / 255];
	};
	const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
	const behind = (e) => {
		const layers = [];
		for (; e; e = e.parentElement) {
			const color = rgba(getComputedStyle(e).backgroundColor);
			if (color[3] > 0) layers.push(color);
			if (color[3] === 1) break;
		}
		return layers.reduceRight((below, layer) => over(layer, below), [255, 255, 255, 1]);
	};
	const light = (color) => {
		const [r, g, b] = color.map((x) => x / 255).map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const found = new Set();
	const look = (e, text, style, opacity = 1) => {
		for (let up = e; up; up = up.parentElement) opacity *= Number(getComputedStyle(up).opacity);
		const ground = behind(e), color = rgba(e instanceof SVGElement ? style.fill : style.color);
		color[3] *= opacity;
		const [high, low] = [light(over(color, ground)), light(ground)].sort((a, b) => b - a), ratio = (high + 0.05) / (low + 0.05);
		const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
		if (ratio < (large ? 3 : 4.5)) found.add(e.tagName.toLowerCase() + '.' + (e.getAttribute('class') ?? '') + ' ' + text.trim().slice(0, 30) + ' (' + ratio.toFixed(2) + ')');
	};
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walker.nextNode()) {
		const e = walker.currentNode.parentElement, text = walker.currentNode.data;
		if (!text.trim() || e.closest('script, noscript, option, .hidden, :disabled, .skip') || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
		look(e, text, getComputedStyle(e));
	}
	for (const e of document.querySelectorAll('[placeholder]')) {
		const style = getComputedStyle(e, '::placeholder');
		if (e.checkVisibility()) look(e, 'placeholder ' + e.placeholder, style, Number(style.opacity));
	}
	return [...found].slice(0, 8).join('; ');
})()`

// headings lists what is wrong with the headings and the language.
const headings = `(() => {
	const wrong = [], levels = [...document.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter((h) => h.checkVisibility()).map((h) => Number(h.tagName[1]));
	if (levels.filter((level) => level === 1).length !== 1 || levels[0] !== 1) wrong.push('no h1 first, or several');
	levels.forEach((level, i) => { if (i && level > levels[i - 1] + 1) wrong.push('h' + level + ' after h' + levels[i - 1]); });
	if (document.documentElement.lang !== 'en') wrong.push('no language');
	if (!/\S+ · Bluefin$/.test(document.title)) wrong.push('the title ' + document.title);
	const ids = [...document.querySelectorAll('[id]')].map((e) => e.id), twice = ids.filter((id, i) => ids.indexOf(id) !== i);
	if (twice.length) wrong.push('several elements with the id ' + twice[0]);
	return wrong.join('; ');
})()`

// namedRoles are the roles whose elements need a name.
var namedRoles = []string{"button", "link", "textbox", "searchbox", "checkbox", "combobox", "listbox", "table", "figure", "image",
	"meter", "region", "navigation", "heading", "spinbutton"}

// nameless lists what a screen reader cannot name, by the browser's own accessibility tree.
func (w *tab) nameless() string {
	w.t.Helper()
	var found []string
	w.do(func(ctx context.Context, t *chromedp.Target) (v chromedp.Void, err error) {
		tree, err := cdp.Call(ctx, t, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
		if err != nil {
			return v, err
		}
		text := func(v *accessibility.Value) (s string) {
			if v != nil {
				_ = json.Unmarshal([]byte(v.Value), &s)
			}
			return strings.TrimSpace(s)
		}
		roles := map[accessibility.NodeID]string{}
		for _, n := range tree.Nodes {
			roles[n.NodeID] = text(n.Role)
		}
		for _, n := range tree.Nodes {
			if role := text(n.Role); !n.Ignored && slices.Contains(namedRoles, role) && text(n.Name) == "" {
				found = append(found, fmt.Sprintf("%s (in %s)", role, roles[n.ParentID]))
			}
		}
		if len(tree.Nodes) < 10 {
			found = append(found, "everything: the tree is empty")
		}
		return v, nil
	})
	return strings.Join(found, ", ")
}

// cut lists what would not fit on a sheet of paper: A4 is 718 pixels wide. Browsers give pages no time to draw
// again, except what follows at once from the event.
const cut = `(async () => {
	dispatchEvent(new Event('beforeprint'));
	for (let i = 0; i < 100; i++) await null;
	const wide = [...document.querySelectorAll('main *')].filter((e) => e.checkVisibility() && !e.closest('.hidden') && e.getBoundingClientRect().right > 718);
	const split = [...document.querySelectorAll('.figures > *')].filter((e) => e.checkVisibility() && getComputedStyle(e).breakInside !== 'avoid');
	dispatchEvent(new Event('afterprint'));
	return [...wide, ...split].slice(0, 5).map((e) => e.tagName + '.' + (e.getAttribute('class') ?? '')).join(', ');
})()`

// gallery fills a file with a study of each kind: 1 of all kinds of parameters, 2 of three objectives, 3 of fine-tuned
// models, with a trial that runs and has a log, and 4 of Optuna, if there is a Python that has it. It returns the pages.
func gallery(t *testing.T, s sample) []string {
	t.Helper()
	s.search(t, study.Config{Name: "valley"}, 14, valley)
	s.search(t, study.Config{Name: "three", Directions: []trial.Direction{trial.Minimize, trial.Maximize, trial.Minimize}}, 16,
		func(tr *study.Trial) ([]float64, error) {
			x, y, z := tr.Float("x", 0, 1), tr.Float("y", 0, 1), tr.Float("z", 0, 1)
			return []float64{x + z*z, x * (1 - y), y + z}, nil
		})
	s.search(t, study.Config{Name: "tuned"}, 6, tuned)
	s.follow(t, "tuned", "epoch 1\nepoch 2\n")
	pages := []string{"/", "/studies/1", "/studies/1/trials", "/studies/1/trials/5", "/studies/2",
		"/studies/3", "/studies/3/trials/6", "/studies/3/workers", "/studies/1/enqueue", "/studies/1/note",
		"/studies/1/delete", "/studies/3/trials/6/stop", "/studies/99", "/compare?study=1&study=2&study=3"}
	if optunaStudy(t, s.path) {
		pages = append(pages, "/studies/4", "/studies/4/trials", "/studies/4/trials/4")
	}
	return pages
}

// tuned is an objective whose odd trials over-fit.
func tuned(t *study.Trial) ([]float64, error) {
	lr := t.LogFloat("lr", 1e-5, 1e-2)
	var pairs [][2]float64
	for e := range 6 {
		validation := 1/float64(e+1) + lr
		if t.Number()%2 == 1 && e > 2 {
			validation = 0.33 + 0.3*float64(e-2)
		}
		pairs = append(pairs, [2]float64{1 / float64(e+1), validation})
		if err := t.Report(e+1, validation); err != nil {
			return nil, err
		}
	}
	return []float64{pairs[5][1]}, t.SetUserAttr("loss_by_epoch", pairs)
}

// follow starts a trial that stays running, with a log, and returns the path of the log.
func (s sample) follow(t *testing.T, name, log string) string {
	t.Helper()
	st, err := study.Open(t.Context(), study.Config{Name: name, Storage: s.db})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := st.Ask(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), fmt.Sprint(tr.Number()))
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "output.log")
	if err := os.WriteFile(path, []byte(log), 0o666); err != nil {
		t.Fatal(err)
	}
	tr.LogFloat("lr", 1e-5, 1e-2)
	if err := tr.SetUserAttr(command.LineAttr, command.Line{Args: []string{"python", "train.py"}, Folder: folder}); err != nil {
		t.Fatal(err)
	}
	if err := tr.Report(1, 0.9); err != nil {
		t.Fatal(err)
	}
	return path
}

// optunaStudy lets Optuna add a study of parameters and values of every kind, and reports whether there is an Optuna.
func optunaStudy(t *testing.T, path string) bool {
	t.Helper()
	python := os.Getenv("BLUEFIN_PYTHON")
	if python == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("BLUEFIN_PYTHON names no Python with Optuna")
		}
		t.Log("BLUEFIN_PYTHON names no Python with Optuna: its study is left out")
		return false
	}
	out, err := exec.CommandContext(t.Context(), python, "-c", `
import sys, optuna
study = optuna.create_study(study_name="optuna", storage="sqlite:///" + sys.argv[1], sampler=optuna.samplers.RandomSampler(seed=1))
def objective(trial):
    x, n = trial.suggest_float("x", -1e300, 1e300), trial.suggest_int("n", 0, 9)
    kind = trial.suggest_categorical("kind", [None, True, 1, 2.5, "text", "nan"])
    if kind == "text":
        trial.suggest_float("only", 1e-9, 1, log=True)
    trial.suggest_float("fixed", 0.5, 0.5)
    trial.set_user_attr("odd", [float("nan"), float("inf"), None])
    trial.report(float("nan"), 0)
    trial.report(float("inf") if n % 3 == 0 else n, 1)
    trial.report(n + 0.5, 2)
    if n == 4:
        return float("nan")
    if n % 5 == 0:
        return float("inf") if n else float("-inf")
    return n + (kind is None)
study.optimize(objective, n_trials=30)
`, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return true
}

// Every page, with all panels open: colors, names, headings, phones, paper, and a window of 1300 pixels at a zoom of
// 200 %, which is one of 650.
func TestBrowserPagesAreForEverybody(t *testing.T) {
	b := startChromium(t)
	s := newSample(t, true)
	pages := gallery(t, s)
	locked := sampleWith(t, Config{Token: testToken})
	w := b.open(t, s.url, 1300, 900)
	w.expected = "the server responded with a status of 4"
	for _, path := range append(pages, locked.url) {
		w.media("", "prefers-color-scheme", "light")
		if strings.HasPrefix(path, "/") {
			w.visit(path)
			w.openAll()
		} else {
			w.do(chromedp.Navigate(path))
		}
		if said := w.errors(); said != "" && !strings.HasSuffix(path, "99") {
			t.Errorf("%s says %s", path, said)
		}
		if wrong := eval[string](w, headings); wrong != "" {
			t.Errorf("%s: %s", path, wrong)
		}
		if names := w.nameless(); names != "" {
			t.Errorf("%s has no name for %s", path, names)
		}
		if names := eval[string](w, blank); names != "" {
			t.Errorf("%s draws nothing in %s", path, names)
		}
		for _, theme := range []string{"light", "dark"} {
			w.scheme(theme)
			w.wait(`document.documentElement.dataset.theme === '`+theme+`'`, "the theme")
			w.drawn()
			if texts := eval[string](w, faint); texts != "" {
				t.Errorf("%s, %s, has faint texts: %s", path, theme, texts)
			}
		}
		for _, width := range []int64{650, 360, 1300} {
			w.do(chromedp.EmulateViewport(width, 900))
			for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) { // until it is drawn again
				if eval[int64](w, `document.documentElement.scrollWidth`) <= width {
					break
				}
			}
			if wide := eval[int64](w, `document.documentElement.scrollWidth`); wide > width {
				t.Errorf("%s is %d pixels wide on a screen of %d; too wide: %s", path, wide, width, eval[string](w,
					`[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.scroll, .area'))
						.slice(0, 5).map((e) => e.tagName + '.' + e.className).join(', ')`))
			}
		}
		w.media("print", "prefers-color-scheme", "dark")
		if names := eval[string](w, cut); names != "" {
			t.Errorf("%s is cut on paper: %s", path, names)
		}
		w.media("", "prefers-reduced-motion", "reduce")
		if n := eval[int](w, `document.getAnimations().filter((a) => a.playState === 'running').length`); n > 0 {
			t.Errorf("%s moves %d things for those who want none to move", path, n)
		}
	}
}
