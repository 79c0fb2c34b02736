// The best so far of several studies, over the numbers of their trials.
import { chart, empty, logButton, range, values, whole } from './chart.js';
import { number, short } from './look.js';

export async function draw(area, plots, view) {
  const drawn = plots.filter(({ plot }) => plot.points.length);
  if (!drawn.length) return empty(area, 'No complete trial yet.');
  const { colors } = view, name = short(drawn[0].plot.value.name);
  const log = logButton(view, drawn.flatMap(({ plot }) => plot.points.map((p) => p.best ?? p.value)), drawn[0].plot.value.log);
  const xs = [...new Set(drawn.flatMap(({ plot }) => plot.points.map((p) => p.trial)))].sort((a, b) => a - b);
  const columns = drawn.map(({ plot }) => {
    const best = new Map(plot.points.map((p) => [p.trial, p.best])), last = plot.points.at(-1).trial;
    return xs.map((x) => best.get(x) ?? (x > last ? null : undefined));
  });
  await chart(area, {
    key: ['compare', log, drawn.map((d) => d.name)], legend: { show: true, live: false },
    scales: { x: { time: false }, y: { distr: log ? 3 : 1, range: range(log) } },
    axes: (axis) => [axis('trial', whole), axis(...values(name))],
    series: [{ label: 'trial' }, ...drawn.map((d, i) => ({
      scale: 'y', label: short(d.name), stroke: colors.several[i % 8], width: 2, spanGaps: true,
      dash: i >= 8 ? [6, 4] : undefined, points: { show: xs.length < 2 },
      paths: (u, ...rest) => window.uPlot.paths.stepped({ align: 1 })(u, ...rest),
    }))],
  }, [xs, ...columns], drawn.flatMap((d) => d.plot.points.filter((p) => p.best !== null).map((p) => ({
    x: p.trial, y: p.best, title: short(d.name), href: view.trial(p.trial, `/studies/${d.id}`),
    lines: [['trial', String(p.trial)], ['best so far', number(p.best)], ['value', number(p.value)]],
  }))), view);
}

export const describe = (plots) => plots.map(({ name, plot }) =>
  `${short(name)}: ${plot.points.length ? `best ${number(plot.points.at(-1).best)} after ${plot.points.length} trials` : 'no complete trial'}.`).join(' ');
