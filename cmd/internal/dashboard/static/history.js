// The value of each trial in the order of their numbers, and the best so far.
import { chart, empty, logButton, range, steps, values, whole } from './chart.js';
import { number, plural, short } from './look.js';

export async function draw(area, plot, view) {
  if (!plot.points.length) return empty(area, 'No complete trial yet.');
  const { colors } = view, name = short(plot.value.name);
  const log = logButton(view, plot.points.map((p) => p.value), plot.value.log);
  const data = [
    plot.points.map((p) => p.trial),
    plot.points.map((p) => p.feasible ? p.value : null),
    plot.points.map((p) => p.feasible ? null : p.value),
    plot.points.map((p) => p.best),
  ];
  const many = plot.points.length > 500;
  const dots = (stroke, fill) => ({ scale: 'y', paths: () => null, points: { show: true, size: many ? 4 : 7, width: 1, stroke, fill, space: 0 } });
  await chart(area, {
    key: ['history', log, many, name],
    scales: { x: { time: false, range: steps }, y: { distr: log ? 3 : 1, range: range(log) } },
    axes: (axis) => [axis('trial', whole), axis(...values(name))],
    series: [{}, dots(many ? 'transparent' : colors.accent, many ? colors.accent + 'a0' : colors.accent), dots(colors.infeasible, 'transparent'),
      { scale: 'y', stroke: colors.best, width: 2, paths: (u, ...rest) => window.uPlot.paths.stepped({ align: 1 })(u, ...rest), points: { show: false } }],
  }, data, plot.points.map((p) => ({
    x: p.trial, y: p.value, title: `Trial ${p.trial}`, href: view.trial(p.trial), api: view.api(p.trial),
    lines: [[name, number(p.value)], ['best so far', number(p.best)], ...(p.feasible ? [] : [['', 'violates a constraint']])],
  })), view);
}

export function describe(plot) {
  if (!plot.points.length) return 'No complete trial yet.';
  const last = plot.points.at(-1), at = plot.points.find((p) => p.feasible && p.best === last.best && p.value === last.best);
  return `${plural(plot.points.length, 'complete trial')}; ${plot.maximize ? 'highest' : 'lowest'} ${short(plot.value.name)} ${number(last.best)}`
    + (at ? ` in trial ${at.trial}.` : '.') + skipped(plot);
}

export const skipped = (plot) => plot.skipped ? ` ${plural(plot.skipped, 'trial')} without a finite value left out.` : '';
