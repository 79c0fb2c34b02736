// The value over each parameter.
import { empty, logButton } from './chart.js';
import { plural, short } from './look.js';
import { axis, render, scatter, trial } from './plotly.js';
import { skipped } from './history.js';
import { legend } from './pair.js';

const most = 30; // parameters: each takes a drawing of its own

export async function draw(area, plot, view) {
  const params = plot.params.filter((p) => p.points.length).slice(0, most);
  if (!params.length) return empty(area, 'No complete trial yet.');
  const { colors } = view;
  const columns = Math.max(1, Math.min(params.length, Math.floor(area.clientWidth / 260))), rows = Math.ceil(params.length / columns);
  const log = logButton(view, params.flatMap((p) => p.points.map((point) => point.value)), plot.value.log);
  const number = params.reduce((n, p) => n + p.points.length, 0);
  const newest = Math.max(...params.map((p) => p.points.at(-1).trial));
  legend(view, 'trials:', ['last', 'first']);
  const height = rows * 230 + 30, layout = { height, margin: { l: 60, r: 12, t: 12, b: 48 } };
  const traces = params.map((slice, i) => {
    const id = i ? String(i + 1) : '', column = i % columns, row = Math.floor(i / columns);
    const wide = 1 / columns, tall = 1 / rows, space = 60 / height;
    layout[`xaxis${id}`] = axis(slice.param, colors, { domain: [column * wide + (column && 0.01), (column + 1) * wide - 0.01], anchor: `y${id}`, automargin: false });
    layout[`yaxis${id}`] = axis({ ...plot.value, log }, colors, { domain: [1 - (row + 1) * tall + (row < rows - 1 ? space : 0), 1 - row * tall], anchor: `x${id}`,
      matches: i ? 'y' : undefined, showticklabels: column === 0, automargin: false, title: column ? undefined : { text: short(plot.value.name, 20), standoff: 6 } });
    return { type: scatter(number), mode: 'markers', meta: 'trials', hoverinfo: 'none', xaxis: `x${id}`, yaxis: `y${id}`,
      x: slice.points.map((p) => p.x), y: slice.points.map((p) => p.value),
      marker: { size: number > 2000 ? 4 : 6, color: slice.points.map((p) => p.feasible ? p.trial : null), cmin: 0, cmax: newest,
        colorscale: colors.scale.map(([at], k) => [at, colors.scale[4 - k][1]]), opacity: 0.8 } };
  });
  await render(area, traces, layout, view, (curve, index) => {
    const { param, points } = params[curve], p = points[index];
    return trial(view, p.trial, [param, plot.value], [p.x, p.value]);
  });
}

export const describe = (plot) => `${short(plot.value.name)} over ${plural(plot.params.length, 'parameter')}: `
  + plot.params.slice(0, 8).map((p) => `${short(p.param.name)} (${p.points.length} trials)`).join(', ')
  + `${plot.params.length > most ? `; the first ${most} are drawn` : ''}.${skipped(plot)}`;
