// Each trial as a line across its parameters and its value. A range brushed on an axis becomes part of the filter
// of the page, and the filter of the page is brushed.
import { navigate } from './filter.js';
import { empty } from './chart.js';
import { extent, finite, number, plural, short } from './look.js';
import { legend } from './pair.js';
import { plain, render } from './plotly.js';
import { skipped } from './history.js';

export async function draw(area, plot, view) {
  if (!plot.lines.length) return empty(area, 'No complete trial yet.');
  const { colors, params } = view;
  const axes = [...plot.params.map((axis, i) => ({ ...axis, key: `p.${axis.name}`, values: plot.lines.map((line) => line.x[i]) })),
    { ...plot.value, key: valueKey(params), values: plot.lines.map((line) => line.value) }].map(scaled);
  legend(view, 'rank', ['best', 'worst']);
  const goodness = ranks(plot.lines.map((line) => plot.maximize ? line.value : -line.value)); // plotly draws the highest on top
  const width = Math.max(area.parentElement.clientWidth, 90 * axes.length + 100);
  area.parentElement.classList.add('wide');
  const left = Math.max(60, 16 + 7 * Math.max(...ticks(axes[0])[1].map((text) => text.length)));
  await render(area, [{
    type: 'parcoords', dimensions: axes.map((axis) => dimension(axis, params)), labelangle: axes.length > 6 ? -20 : 0, labelside: 'top',
    labelfont: { color: colors.text, size: 12 }, tickfont: { color: colors.soft, size: 11 }, rangefont: { color: 'transparent', size: 1 },
    line: { color: goodness, colorscale: colors.scale.map(([at], i) => [at, colors.scale[4 - i][1]]), cmin: 0, cmax: 1 },
    unselected: { line: { color: colors.soft, opacity: 0.06 } },
  }], { margin: { l: left, r: 60, t: axes.length > 6 ? 90 : 44, b: 24 }, width, autosize: false, paper_bgcolor: colors.panel }, view, null);
  area.axes = axes;
  if (area.brushes) return;
  area.brushes = true;
  area.on('plotly_restyle', ([changes]) => {
    for (const key of Object.keys(changes)) {
      const at = /^dimensions\[(\d+)\]\.constraintrange/.exec(key);
      if (at) brushed(area.axes[Number(at[1])], area.data[0].dimensions[Number(at[1])].constraintrange);
    }
  });
}

// ranks are in [0, 1]: colors by rank tell trials apart whose values are close together.
function ranks(values) {
  const of = [];
  values.map((x, i) => [x, i]).sort(([a], [b]) => a - b).forEach(([, i], at) => { of[i] = at / Math.max(1, values.length - 1); });
  return of;
}

// valueKey is how the URL names the objective that the page shows.
function valueKey(params) {
  const objective = params.get('objective');
  return objective && objective !== '0' ? `value.${objective}` : 'value';
}

// scaled adds to an axis what is drawn: logarithms, and a place below all others for trials that lack the parameter.
function scaled(axis) {
  const log = !axis.choices && axis.log && axis.values.every((x) => x === null || x > 0);
  const value = (x) => log ? Math.log10(x) : x;
  let [low, high] = axis.choices ? [0, axis.choices.length - 1] : extent(axis.values.filter(finite).map(value)) ?? [0, 1];
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const lacking = axis.values.some((x) => x === null), none = low - 0.12 * (high - low);
  return { ...axis, isLog: log, low, high, none, lacking, drawn: axis.values.map((x) => x === null ? none : value(x)) };
}

function dimension(axis, params) {
  const [tickvals, ticktext] = ticks(axis);
  const of = { label: plain(axis.name, 22), values: axis.drawn, range: [axis.lacking ? axis.none : axis.low, axis.high], tickvals, ticktext, multiselect: false };
  const range = chosen(axis, params);
  if (range) of.constraintrange = range;
  return of;
}

function ticks(axis) {
  let at = [];
  if (axis.choices) {
    const every = Math.ceil(axis.choices.length / 12);
    at = axis.choices.map((text, i) => [i, short(text, 14)]).filter(([i]) => i % every === 0);
  } else {
    const steps = axis.int && !axis.isLog ? Math.max(1, Math.min(5, Math.round(axis.high - axis.low))) : 5;
    for (let i = 0; i <= steps; i++) {
      const x = axis.low + i * (axis.high - axis.low) / steps;
      at.push([x, number(Number((axis.isLog ? 10 ** x : x).toPrecision(3)))]);
    }
  }
  if (axis.lacking) at.unshift([axis.none, 'none']);
  return [at.map(([x]) => x), at.map(([, text]) => text)];
}

// chosen is the range that the URL has for an axis, as drawn.
function chosen(axis, params) {
  const given = params.getAll(axis.key);
  if (!given.length) return null;
  if (axis.choices) {
    const at = given.map((text) => axis.choices.indexOf(text)).filter((i) => i >= 0);
    return at.length ? [Math.min(...at) - 0.4, Math.max(...at) + 0.4] : null;
  }
  const ends = given[0].split('..');
  if (ends.length === 1) ends.push(ends[0]);
  const [low, high] = ends.map((text, i) => text === '' ? (i ? axis.high : axis.low) : axis.isLog ? Math.log10(Number(text)) : Number(text));
  return finite(low) && finite(high) && low < high ? [low, high] : null;
}

function brushed(axis, range) {
  const search = new URLSearchParams(location.search);
  search.delete(axis.key);
  search.delete('page');
  if (range?.length) {
    const [low, high] = Array.isArray(range[0]) ? range[0] : range;
    if (axis.choices) axis.choices.forEach((text, i) => { if (low <= i && i <= high) search.append(axis.key, text); });
    else search.set(axis.key, [low, high].map((x) => end(axis, x)).join('..'));
  }
  navigate(search);
}

// end writes an end of a range: empty at the end of the axis, so that later trials beyond it are not filtered out.
function end(axis, x) {
  const margin = 1e-9 * (axis.high - axis.low);
  if (x <= axis.low + margin || x >= axis.high - margin) return '';
  return String(Number((axis.isLog ? 10 ** x : x).toPrecision(6)));
}

export const describe = (plot) => plot.lines.length
  ? `${plural(plot.lines.length, 'complete trial')} across ${plural(plot.params.length, 'parameter')} and ${short(plot.value.name)}. `
    + `The filter above chooses ranges too.${skipped(plot)}`
  : 'No complete trial yet.';
