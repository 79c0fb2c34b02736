// How much of the space of objectives the trials so far dominate.
import { chart, empty, range, values, whole } from './chart.js';
import { number, plural } from './look.js';

export async function draw(area, plot, view) {
  if (!plot.points.length) return empty(area, 'No complete trial yet.');
  await chart(area, {
    key: ['hypervolume'],
    scales: { x: { time: false }, y: { range: range(false) } },
    axes: (axis) => [axis('trial', whole), axis(...values('hypervolume'))],
    series: [{}, { scale: 'y', stroke: view.colors.best, width: 2, points: { show: plot.points.length < 2 },
      paths: (u, ...rest) => window.uPlot.paths.stepped({ align: 1 })(u, ...rest) }],
  }, [plot.points.map((p) => p.trial), plot.points.map((p) => p.volume)], plot.points.map((p) => ({
    x: p.trial, y: p.volume, title: `Trial ${p.trial}`, lines: [['hypervolume so far', number(p.volume)]],
    href: view.trial(p.trial), api: view.api(p.trial),
  })), view);
}

export const describe = (plot) => plot.points.length
  ? `Hypervolume ${number(plot.points.at(-1).volume)} after ${plural(plot.points.length, 'trial')}, measured from (${plot.reference.map(number).join(', ')}).`
  : 'No complete trial yet.';
