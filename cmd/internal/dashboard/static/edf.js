// The share of the trials that reached each value.
import { chart, empty, values } from './chart.js';
import { number, short } from './look.js';

export async function draw(area, plot, view) {
  if (!plot.x.length) return empty(area, 'No complete trial yet.');
  const { colors } = view, name = short(plot.value.name);
  await chart(area, {
    key: ['edf', name, plot.curves.map((c) => c.study)], legend: { show: plot.curves.length > 1, live: false },
    scales: { x: { time: false }, y: { range: [0, 1] } },
    axes: (axis) => [axis(name, { values: (u, ticks) => ticks.map(number) }), axis(...values('share of trials'))],
    series: [{ label: name }, ...plot.curves.map((c, i) => ({ scale: 'y', label: short(c.study), stroke: colors.several[i % 8],
      width: 2,
      paths: (u, ...rest) => window.uPlot.paths.stepped({ align: 1 })(u, ...rest), dash: i >= 8 ? [6, 4] : undefined, points: { show: false } }))],
  }, [plot.x, ...plot.curves.map((c) => c.y)], plot.curves.flatMap((c) => plot.x.map((x, i) => ({
    x, y: c.y[i], title: short(c.study || 'Trials'), lines: [[`${name} at most`, number(x)], ['share', `${(100 * c.y[i]).toFixed(1)} %`]],
  }))), view);
}

export function describe(plot) {
  if (!plot.x.length) return 'No complete trial yet.';
  return plot.curves.map((c) => {
    const half = plot.x[c.y.findIndex((y) => y >= 0.5)];
    return `${c.study ? short(c.study) + ': half' : 'Half'} of the trials have a ${short(plot.value.name)} of at most ${number(half)}.`;
  }).join(' ');
}
