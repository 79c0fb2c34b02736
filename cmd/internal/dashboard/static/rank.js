// How the trials rank, over two parameters.
import { empty } from './chart.js';
import { number, plural, short } from './look.js';
import { choosePair, legend } from './pair.js';
import { axis, render, scatter, trial } from './plotly.js';
import { skipped } from './history.js';

export async function draw(area, plot, view) {
  choosePair(plot, view);
  legend(view, 'rank', ['best', 'worst']);
  if (!plot.points.length) return empty(area, 'No complete trial has both parameters.');
  const { colors } = view, scale = plot.maximize ? colors.scale.map(([at], i) => [at, colors.scale[4 - i][1]]) : colors.scale;
  await render(area, [{
    type: scatter(plot.points.length), mode: 'markers', meta: 'trials', hoverinfo: 'none', x: plot.points.map((p) => p.x), y: plot.points.map((p) => p.y),
    marker: { size: plot.points.length > 1000 ? 5 : 8, color: plot.points.map((p) => p.rank), cmin: 0, cmax: 1, colorscale: scale },
  }], { xaxis: axis(plot.x, colors), yaxis: axis(plot.y, colors) }, view, (_, index) => {
    const p = plot.points[index], shown = trial(view, p.trial, [plot.x, plot.y, plot.value], [p.x, p.y, p.value]);
    return { ...shown, lines: [...shown.lines, ['rank', number(p.rank)]] };
  });
}

export const describe = (plot) => plot.points.length
  ? `Ranks of ${plural(plot.points.length, 'trial')} over ${short(plot.x.name)} and ${short(plot.y.name)}, from 0 for the lowest ${short(plot.value.name)} to 1.${skipped(plot)}`
  : 'No complete trial has both parameters.';
