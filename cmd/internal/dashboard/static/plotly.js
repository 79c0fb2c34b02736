// What all figures drawn by plotly share: our look, axes, tooltips, clicks and keys.
import { keys, open } from './chart.js';
import { library } from './library.js';
import { coordinate, number, short } from './look.js';
import * as tooltip from './tooltip.js';

// render draws traces into area. point(curve, index) tells what a point is: {trial, title, lines, href, api}.
export async function render(area, traces, layout, view, point) {
  const plotly = await library('plotly');
  if (!area.chart?.plotly) area.replaceChildren();
  const { colors } = view;
  await plotly.react(area, traces, {
    paper_bgcolor: 'transparent', plot_bgcolor: 'transparent', font: { family: font, size: 12, color: colors.soft },
    margin: { l: 56, r: 16, t: 16, b: 44 }, hovermode: 'closest', showlegend: false, autosize: true, height: 420, uirevision: 'kept',
    dragmode: matchMedia('(pointer: coarse)').matches ? false : 'zoom', ...layout,
  }, { displayModeBar: false, responsive: false, showTips: false, doubleClick: 'reset' });
  area.chart = { plotly: true, point, current: -1 };
  // The area has a name, a description and keys; the tester is where plotly measures texts.
  for (const e of [...area.children, document.getElementById('js-plotly-tester')]) e?.setAttribute('aria-hidden', 'true');
  if (!point || area.reached) return plotly;
  area.reached = true;
  area.on('plotly_hover', ({ points: [hit], event }) => {
    const found = area.chart.point(hit.curveNumber, hit.pointNumber);
    if (!found) return;
    const place = event?.clientX === undefined ? corner(area, hit) : [event.clientX, event.clientY];
    tooltip.show(...place, found.title, found.lines, found.api);
  });
  area.on('plotly_unhover', tooltip.hide);
  area.on('plotly_click', ({ points: [hit], event }) => {
    const found = area.chart.point(hit.curveNumber, hit.pointNumber);
    if (found?.href) open(found.href, event);
  });
  if (!traces.some((trace) => trace.type === 'scatter3d')) walk(area, plotly);
  return plotly;
}

const font = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif';

function corner(area, hit) {
  const around = area.getBoundingClientRect();
  return [around.left + (hit.xaxis?._offset ?? 0) + (hit.xaxis?.d2p(hit.x) ?? 0), around.top + (hit.yaxis?._offset ?? 0) + (hit.yaxis?.d2p(hit.y) ?? 0)];
}

// walk lets arrows go from point to point of the traces that have trials.
function walk(area, plotly) {
  const all = () => area.data.flatMap((trace, curve) => trace.meta === 'trials' ? trace.x.map((_, index) => [curve, index]) : []);
  keys(area, () => all().length, () => area.chart.current, (index) => {
    area.chart.current = index;
    const hit = all()[index];
    if (!hit) return tooltip.hide();
    const found = area.chart.point(...hit), trace = area.data[hit[0]];
    const layout = area._fullLayout, x = layout[axisName(trace.xaxis, 'x')], y = layout[axisName(trace.yaxis, 'y')];
    const around = area.getBoundingClientRect();
    tooltip.show(around.left + x._offset + x.d2p(trace.x[hit[1]]), around.top + y._offset + y.d2p(trace.y[hit[1]]), found.title, found.lines, found.api);
  }, () => {
    const hit = all()[area.chart.current];
    return hit && area.chart.point(...hit).href;
  });
}

const axisName = (id, letter) => `${letter}axis${(id ?? letter).slice(1)}`;

// plain is a foreign text for plotly, which takes some HTML in its texts.
export const plain = (text, length) => short(text, length).replace(/[&<>$]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', $: '&#36;' })[c]);

// axis is plotly's settings of one.
export function axis(of, colors, more = {}) {
  const look = { title: { text: plain(of.name), standoff: 6 }, gridcolor: colors.grid, zeroline: false, linecolor: colors.line, automargin: true, ...more };
  if (of.choices) {
    const every = Math.ceil(of.choices.length / 20), at = of.choices.map((_, i) => i).filter((i) => i % every === 0);
    return { ...look, tickvals: at, ticktext: at.map((i) => plain(of.choices[i], 16)), range: [-0.5, of.choices.length - 0.5] };
  }
  return of.log && of.low > 0 ? { ...look, type: 'log', ...decades(of.low, of.high) } : { ...look, exponentformat: 'e' };
}

// decades are the ticks of a logarithmic axis. Plotly's own have exponents with style attributes, which the
// Content-Security-Policy forbids.
function decades(low, high) {
  const first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), at = [];
  const every = Math.ceil((last - first) / 4), within = last - first <= 2 ? [1, 2, 5] : [1];
  for (let e = first; e <= last; e += every) at.push(...within.map((d) => Number(`${d}e${e}`)));
  return { tickvals: at, ticktext: at.map(number) };
}

// scatter is the kind of trace for n points: WebGL for many, where the browser has it.
export const scatter = (n) => n > 800 && webgl() ? 'scattergl' : 'scatter';

let has = null;
function webgl() {
  has ??= Boolean(document.createElement('canvas').getContext('webgl'));
  return has;
}

// trial says what a point over parameters is.
export const trial = (view, number, axes, values) => ({
  trial: number, title: `Trial ${number}`, href: view.trial(number), api: view.api(number),
  lines: axes.map((axis, i) => [axis.name, coordinate(axis, values[i])]),
});
