// The trials over two or three objectives, and which of them no other dominates.
import { empty } from './chart.js';
import { plural, short } from './look.js';
import { axis, render, scatter, trial } from './plotly.js';
import { skipped } from './history.js';

export async function draw(area, plot, view) {
  if (!plot.points.length) return empty(area, 'No complete trial yet.');
  const { colors } = view;
  const groups = [plot.points.filter((p) => !p.front), plot.points.filter((p) => p.front)];
  const solid = plot.axes.length > 2;
  const traces = groups.map((points, front) => ({
    type: solid ? 'scatter3d' : scatter(points.length), mode: 'markers', meta: solid ? undefined : 'trials', hoverinfo: 'none',
    x: points.map((p) => p.values[0]), y: points.map((p) => p.values[1]), ...(solid && { z: points.map((p) => p.values[2]) }),
    marker: { size: (front ? 8 : points.length > 1000 ? 4 : 6) / (solid ? 2 : 1), color: front ? colors.best : points.map((p) => p.feasible ? colors.accent : colors.infeasible), opacity: front ? 1 : 0.5 },
  }));
  const [x, y, z] = plot.axes.map((a) => axis(a, colors, solid ? { gridcolor: colors.line } : {}));
  const layout = solid ? { scene: { xaxis: x, yaxis: y, zaxis: z, aspectmode: 'cube', camera: { eye: { x: 1.6, y: 1.6, z: 1 } } }, margin: { l: 0, r: 0, t: 0, b: 0 }, height: 520 } : { xaxis: x, yaxis: y };
  await render(area, traces, layout, view, (curve, index) => {
    const p = groups[curve][index];
    return trial(view, p.trial, plot.axes, p.values);
  });
}

export const legend = (plot) => plot.points.length ? 'Orange: the Pareto front.' : '';

export const describe = (plot) => plot.points.length
  ? `${plural(plot.points.filter((p) => p.front).length, 'trial')} of ${plot.points.length} on the Pareto front of ${plot.axes.map((a, i) => `${short(a.name)} (${plot.maximize[i] ? 'maximized' : 'minimized'})`).join(', ')}.${skipped(plot)}`
  : 'No complete trial yet.';
