// A figure gets the data of its plot and lets the module of the plot draw it.
import { colors, plural } from './look.js';

// Each module exports draw(area, plot, view), which may be called again for the same area with newer data, and
// describe(plot), one or two sentences for those who cannot see it. legend(plot, best) says what colors and lines mean.
const modules = {
  history: () => import('./history.js'),
  'compare-history': () => import('./comparehistory.js'),
  intermediate: () => import('./curves.js'),
  training: () => import('./training.js'),
  timeline: () => import('./timeline.js'),
  edf: () => import('./edf.js'),
  hypervolume: () => import('./hypervolume.js'),
  importances: () => import('./importances.js'),
  parallel: () => import('./parallel.js'),
  slice: () => import('./slice.js'),
  contour: () => import('./contour.js'),
  rank: () => import('./rank.js'),
  pareto: () => import('./pareto.js'),
};

export const figures = () => [...document.querySelectorAll('figure[data-plot]')].map((element) => new Figure(element));

// grown adds the figures that a newer page has and this one has not: those of the first reports, say.
export function grown(fresh) {
  const added = [];
  let last = null;
  for (const figure of fresh.querySelectorAll('.figures [data-plot]')) {
    const panel = figure.closest('.figures > *');
    const own = document.querySelector(`.figures [data-plot="${CSS.escape(figure.dataset.plot)}"]`);
    if (own) Object.assign(own.dataset, figure.dataset);
    else {
      if (last) last.after(panel);
      else document.querySelector('.figures')?.prepend(panel);
      added.push(new Figure(figure));
    }
    last = own?.closest('.figures > *') ?? panel;
  }
  return added;
}

class Figure {
  constructor(element) {
    this.element = element;
    this.name = element.dataset.plot;
    this.panel = element.closest('details');
    this.caption = element.querySelector('figcaption')?.textContent.trim() || this.name;
    this.controls = this.add('div', 'controls');
    this.error = this.add('p', 'error');
    this.error.setAttribute('role', 'alert');
    this.error.hidden = true;
    this.area = this.add('div', 'area');
    this.note = this.add('p', 'note');
    this.summary = this.add('p', 'hidden');
    this.summary.id = `about-${this.name}`;
    this.area.setAttribute('role', 'group');
    this.area.setAttribute('aria-label', this.caption);
    this.area.setAttribute('aria-describedby', this.summary.id);
    this.stale = true;
    if (this.panel) this.remember();
    else this.update();
    addEventListener('themechange', () => this.redraw());
    new ResizeObserver(() => this.resized()).observe(this.area);
  }

  add(tag, name) {
    const element = document.createElement(tag);
    element.className = name;
    this.element.append(element);
    return element;
  }

  // remember opens the panel if it was open when the reader last looked.
  remember() {
    const key = `bluefin.open.${this.name}`;
    try {
      this.panel.open ||= localStorage.getItem(key) === 'yes';
    } catch {}
    this.panel.addEventListener('toggle', () => {
      try {
        if (this.panel.open) localStorage.setItem(key, 'yes');
        else localStorage.removeItem(key);
      } catch {}
      if (this.panel.open && this.stale) this.update();
    });
    if (this.panel.open) this.update();
  }

  // url is where the data are: the filter of the page, and what the module wants of it otherwise.
  url() {
    const url = new URL(this.element.dataset.src, location.href);
    if (!('fixed' in this.element.dataset)) {
      for (const [key, value] of new URLSearchParams(location.search)) {
        if (this.name === 'parallel' && (key.startsWith('p.') || key.startsWith('value'))) continue;
        if (!['sort', 'desc', 'page', 'column', 'x', 'y', 'study'].includes(key)) url.searchParams.append(key, value);
      }
    }
    if (this.element.dataset.params) for (const param of this.pair()) url.searchParams.append('param', param);
    return url;
  }

  // pair is the two parameters of the URL that contour and rank show, or none: then the server chooses.
  pair() {
    const search = new URLSearchParams(location.search);
    const both = [search.get('x'), search.get('y')];
    return both.every((name) => JSON.parse(this.element.dataset.params).includes(name)) ? both : [];
  }

  // follow draws a change of the study, but never spends more than a fifth of the time on it.
  follow() {
    this.waiting ||= setTimeout(() => { this.waiting = 0; this.update(); }, Math.max(0, (this.drawnAt ?? 0) + 4 * (this.took ?? 0) - Date.now()));
  }

  // update draws what the study has now, unless the panel is closed: then it waits until it is opened.
  async update() {
    this.stale = true;
    if (this.panel && !this.panel.open) return;
    this.getting?.abort();
    const { signal } = this.getting = new AbortController();
    this.element.setAttribute('aria-busy', 'true');
    const started = Date.now();
    try {
      const [answer, module] = await Promise.all([fetch(this.url(), { signal }), modules[this.name]()]);
      if (!answer.ok) throw new Error((await answer.text()).trim().split('\n')[0] || `The server answered ${answer.status}.`);
      this.answer = await answer.json();
      this.module = module;
      if (signal.aborted) return;
      this.stale = false;
      await this.redraw();
      this.drawnAt = Date.now();
      this.took = this.drawnAt - started;
      this.fail('');
    } catch (error) {
      if (error.name !== 'AbortError') this.fail(error.message);
    } finally {
      if (!signal.aborted) this.element.removeAttribute('aria-busy');
    }
  }

  async redraw() {
    if (!this.answer || this.panel && !this.panel.open) return;
    const { module, answer, area } = this;
    const { printing, theme } = document.documentElement.dataset;
    // WebGL draws in a later frame, too late for paper: what it has drawn is made to fit, and light.
    area.style.zoom = area.style.filter = '';
    if (printing !== undefined && area.querySelector('canvas.gl-canvas, .gl-container canvas')) {
      area.style.zoom = Math.min(1, area.clientWidth / area.scrollWidth);
      if (this.theme === 'dark') area.style.filter = 'invert(1) hue-rotate(180deg)';
      return;
    }
    this.theme = theme;
    this.summary.textContent = module.describe(answer.plot ?? answer.plots, answer.loading);
    this.note.textContent = [module.legend?.(answer.plot ?? answer.plots, this.best()), 'fixed' in this.element.dataset ? '' : this.shownOf(answer)]
      .filter(Boolean).join(' ');
    await module.draw(area, answer.plot ?? answer.plots, {
      colors: colors(), controls: this.controls, params: new URLSearchParams(location.search), element: this.element,
      best: this.best(), loading: answer.loading, again: () => this.redraw(), trial: this.trial, api: this.api,
    });
    area.dataset.drawn = String(Number(area.dataset.drawn ?? 0) + 1);
  }

  shownOf({ shown, matching, trials }) {
    if (matching === undefined) return '';
    const all = matching === trials ? plural(trials, 'trial') : `${matching.toLocaleString('en')} of ${plural(trials, 'trial')}`;
    return shown < matching ? `${shown.toLocaleString('en')} of ${plural(matching, 'trial')} shown, every best so far among them.`
      : matching === trials ? '' : `${all} match.`;
  }

  best() {
    const text = this.element.dataset.best ?? document.getElementById('best')?.dataset.trial;
    return text === undefined || text === '' ? null : Number(text);
  }

  trial(number, study = document.body.dataset.study) { return `${study}/trials/${number}`; }

  api(number, study = document.body.dataset.study) { return study ? `/api${study}/trials/${number}` : ''; }

  fail(text) {
    this.error.textContent = text;
    this.error.hidden = !text;
    this.area.classList.toggle('outdated', Boolean(text));
  }

  resized() {
    const { clientWidth } = this.area;
    if (!clientWidth || clientWidth === this.width) return;
    const first = this.width === undefined;
    this.width = clientWidth;
    if (!first && this.answer) cancelAnimationFrame(this.frame), this.frame = requestAnimationFrame(() => this.redraw());
  }
}
