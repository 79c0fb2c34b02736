// The values over two parameters: the trials, and a surface through them.
import { empty } from './chart.js';
import { number, plural, short } from './look.js';
import { choosePair, legend } from './pair.js';
import { axis, render, scatter, trial } from './plotly.js';
import { skipped } from './history.js';

export async function draw(area, plot, view) {
  choosePair(plot, view);
  const ends = [plot.value.low, plot.value.high].map(number);
  legend(view, short(plot.value.name), plot.maximize ? ends.reverse() : ends);
  if (!plot.points.length) return empty(area, 'No complete trial has both parameters.');
  const { colors } = view, scale = plot.maximize ? colors.scale.map(([at], i) => [at, colors.scale[4 - i][1]]) : colors.scale;
  await render(area, [
    { type: 'contour', x: plot.grid_x, y: plot.grid_y, z: plot.surface, colorscale: scale, hoverinfo: 'skip', connectgaps: false,
      contours: { coloring: 'heatmap' }, line: { width: 0.5, color: colors.grid }, showscale: false },
    { type: scatter(plot.points.length), mode: 'markers', meta: 'trials', hoverinfo: 'none', x: plot.points.map((p) => p.x), y: plot.points.map((p) => p.y),
      marker: { size: plot.points.length > 1000 ? 3 : 6, color: plot.points.map((p) => p.feasible ? colors.panel : colors.infeasible), line: { width: 1, color: colors.text } } },
  ], { xaxis: axis(plot.x, colors), yaxis: axis(plot.y, colors) }, view, (curve, index) => {
    const p = curve === 1 && plot.points[index];
    return p && trial(view, p.trial, [plot.x, plot.y, plot.value], [p.x, p.y, p.value]);
  });
}

export function describe(plot) {
  if (!plot.points.length) return 'No complete trial has both parameters.';
  const best = plot.points.reduce((a, b) => (plot.maximize ? b.value > a.value : b.value < a.value) ? b : a);
  return `${short(plot.value.name)} of ${plural(plot.points.length, 'trial')} over ${short(plot.x.name)} and ${short(plot.y.name)}; `
    + `${plot.maximize ? 'highest' : 'lowest'} ${number(best.value)} in trial ${best.trial}.${skipped(plot)}`;
}
