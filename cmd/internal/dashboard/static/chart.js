// What all figures drawn by uPlot share: axes, sizes, zoom, and points that the pointer and the keyboard can reach.
import { library } from './library.js';
import { extent, number } from './look.js';
import * as tooltip from './tooltip.js';

const reach = 16; // pixels from the pointer to a point that it means

// chart draws data into area. options are uPlot's, where key names what needs a new chart if it differs; points
// are [{x, y, title, lines, href, api}]: what can be reached; without any, the pointer shows nothing.
export async function chart(area, { key, height = 260, ...options }, data, points, view) {
  const uPlot = await library('uPlot');
  const all = JSON.stringify([key, view.colors]);
  const size = { width: area.clientWidth, height };
  if (area.chart?.key === all) {
    const { plot } = area.chart;
    area.chart.points = points;
    area.chart.current = -1;
    if (plot.width !== size.width) plot.setSize(size);
    plot.setData(data, !area.chart.zoomed);
    if (area.chart.zoomed) plot.redraw();
    return area.chart;
  }
  area.chart?.plot.destroy();
  area.replaceChildren();
  tooltip.hide();
  const self = area.chart = { key: all, points, current: -1, zoomed: false, plot: null };
  self.plot = new uPlot({
    ...size, legend: { show: false }, padding: [12, 12, 0, 0], ...options,
    cursor: { points: { show: false }, drag: { x: true, y: false, setScale: true }, y: false, ...options.cursor },
    axes: options.axes(axis(view.colors)),
    hooks: { ...options.hooks, setSelect: [(u) => { if (u.select.width > 0) self.zoomed = true; }] },
  }, data, area);
  self.plot.root.querySelector('.u-legend')?.setAttribute('aria-label', 'Legend');
  reachable(area, self);
  return self;
}

// axis makes uPlot's settings of one in our look.
const axis = (colors) => (label, more = {}) => ({
  stroke: colors.soft, font, labelFont: font, label, labelSize: label ? 20 : 0, labelGap: 2, gap: 4,
  grid: { stroke: colors.grid, width: 1 }, ticks: { stroke: colors.grid, width: 1, size: 4 }, size: 34, ...more,
});
export const font = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';

// values is the axis of values: wide enough for its labels.
export const values = (label) => [label, {
  values: (u, ticks) => ticks.map((x) => x === null ? '' : number(x)),
  size: (u, texts) => Math.ceil(Math.max(30, ...(texts ?? []).map((text) => text.length * 7 + 12))),
}];

export const whole = { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6] };

// steps is the range of whole numbers, also of a single one.
export const steps = (u, low, high) => u.data[0].length === 1 ? [u.data[0][0] - 1, u.data[0][0] + 1] : [low, high];

// range leaves a margin around the data, and is never empty.
export const range = (log) => (u, low, high) => {
  if (low === null || !Number.isFinite(low)) return log ? [0.1, 1] : [0, 1];
  if (log) return low === high ? [low / 2, high * 2] : [low / (high / low) ** 0.05, high * (high / low) ** 0.05];
  const margin = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
  return [low - margin, high + margin];
};

// logButton lets the reader choose the scale of values, if all are positive, and tells which one is chosen.
export function logButton(view, values, preferred = false) {
  const range = extent(values);
  return switchButton(view, 'Log scale', range !== null && range[0] > 0, preferred);
}

export function switchButton(view, label, possible, preferred = false) {
  let button = [...view.controls.children].find((child) => child.dataset.label === label);
  if (!button) {
    button = document.createElement('button');
    button.type = 'button';
    button.className = 'quiet';
    button.textContent = button.dataset.label = label;
    button.setAttribute('aria-pressed', String(preferred));
    button.addEventListener('click', () => {
      button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
      view.again();
    });
    view.controls.append(button);
  }
  button.hidden = !possible;
  return possible && button.getAttribute('aria-pressed') === 'true';
}

// empty says why there is nothing to draw.
export function empty(area, text) {
  area.chart?.plot.destroy();
  area.chart = null;
  const line = document.createElement('p');
  line.className = 'empty';
  line.textContent = text;
  area.replaceChildren(line);
}

function reachable(area, self) {
  const { plot } = self;
  const place = (p) => [plot.valToPos(p.x, 'x'), plot.valToPos(p.y, 'y')];
  const choose = (index) => {
    self.current = index;
    mark.hidden = index < 0;
    if (index < 0) return tooltip.hide();
    const point = self.points[index], [x, y] = place(point), around = plot.over.getBoundingClientRect();
    mark.style.translate = `${x}px ${y}px`;
    tooltip.show(around.left + x, around.top + y, point.title, point.lines, point.api);
    plot.over.classList.toggle('link', Boolean(point.href));
  };
  const mark = document.createElement('div');
  mark.className = 'mark';
  mark.hidden = true;
  plot.over.append(mark);
  let started = null;
  plot.over.addEventListener('pointerdown', (event) => { started = [event.clientX, event.clientY]; });
  plot.over.addEventListener('pointermove', (event) => {
    const around = plot.over.getBoundingClientRect();
    choose(nearest(self.points, place, event.clientX - around.left, event.clientY - around.top, plot.over));
    if (self.current < 0) plot.over.classList.remove('link');
  });
  plot.over.addEventListener('pointerleave', () => choose(-1));
  plot.over.addEventListener('click', (event) => {
    const moved = started && Math.hypot(event.clientX - started[0], event.clientY - started[1]) > 4;
    if (!moved && self.points[self.current]?.href) open(self.points[self.current].href, event);
  });
  plot.over.addEventListener('dblclick', () => { self.zoomed = false; });
  keys(area, () => self.points.length, () => self.current, choose, () => self.points[self.current]?.href);
}

// keys lets arrows choose among count points; Enter opens the chosen one.
export function keys(area, count, current, choose, href) {
  area.tabIndex = 0;
  area.onkeydown = (event) => {
    const n = count(), at = current();
    const to = { ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at < 0 ? n - 1 : at - 1, ArrowDown: at < 0 ? n - 1 : at - 1,
      PageDown: at + 20, PageUp: at - 20, Home: 0, End: n - 1 }[event.key];
    if (to !== undefined && n > 0) {
      event.preventDefault();
      choose(Math.max(0, Math.min(n - 1, to)));
    } else if (event.key === 'Enter' && href()) open(href(), event);
    else if (event.key === 'Escape') choose(-1);
  };
  area.onblur = () => { if (current() >= 0) choose(-1); };
}

export function open(href, event) {
  if (event.ctrlKey || event.metaKey) window.open(href, '_blank', 'noopener');
  else location.assign(href);
}

function nearest(points, place, x, y, over) {
  let best = -1, least = reach * reach;
  points.forEach((point, i) => {
    const [px, py] = place(point);
    const d = (px - x) ** 2 + (py - y) ** 2;
    if (d <= least && px >= 0 && px <= over.clientWidth && py >= 0 && py <= over.clientHeight) [best, least] = [i, d];
  });
  return best;
}
