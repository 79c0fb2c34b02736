// When each trial ran, in lanes: as many as trials ran at once. Gaps are idle time.
import { chart, empty } from './chart.js';
import { plural } from './look.js';

const lane = 22, gap = 3; // pixels

export async function draw(area, plot, view) {
  if (!plot.bars.length) return empty(area, 'No trial has started yet.');
  const bars = plot.bars.map((bar) => ({ ...bar, from: Date.parse(bar.start) / 1000, to: Date.parse(bar.end) / 1000 }));
  const low = bars.reduce((least, bar) => Math.min(least, bar.from), Infinity);
  const high = Math.max(low + 0.001, bars.reduce((most, bar) => Math.max(most, bar.to), -Infinity));
  const height = Math.min(640, plot.lanes * lane + 68);
  const self = await chart(area, {
    key: ['timeline', plot.lanes], height, padding: [12, 36, 0, 0],
    scales: { x: { time: true }, y: { range: [-0.5, plot.lanes - 0.5], dir: -1 } },
    axes: (axis) => [axis('', { size: 46, space: 96, values: (u, ticks) => clock(ticks) }), axis('', {
      size: 126, grid: { show: false }, ticks: { show: false }, splits: () => [...Array(plot.lanes).keys()],
      values: (u, at) => at.map((i) => plot.lanes > 26 ? '' : `lane ${i + 1}: idle ${Math.round(100 * (plot.idle[i] ?? 0))} %`),
    })],
    series: [{}, { scale: 'y', paths: () => null, points: { show: false } }],
    hooks: { draw: [(u) => area.chart && paint(u, area.chart)] },
  }, [[low, high], [null, null]], bars.map((bar) => ({
    x: (bar.from + bar.to) / 2, y: bar.lane, title: `Trial ${bar.trial}`, href: view.trial(bar.trial), api: view.api(bar.trial),
    lines: [['state', bar.state.toLowerCase()], ['took', duration(bar.to - bar.from)], ['started', new Date(bar.from * 1000).toLocaleString()]],
  })), view);
  Object.assign(self, { bars, colors: view.colors });
  self.plot.redraw(false);
}

function paint(u, { bars, colors }) {
  if (!bars) return;
  const { ctx } = u, ratio = devicePixelRatio;
  const tall = Math.max(1, Math.abs(u.valToPos(1, 'y', true) - u.valToPos(0, 'y', true)) - gap * ratio);
  ctx.save();
  ctx.beginPath();
  ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
  ctx.clip();
  for (const bar of bars) {
    const left = u.valToPos(bar.from, 'x', true), right = u.valToPos(bar.to, 'x', true), middle = u.valToPos(bar.lane, 'y', true);
    ctx.fillStyle = bar.state === 'COMPLETE' && !bar.feasible ? colors.infeasible : colors.state[bar.state] ?? colors.accent;
    ctx.fillRect(left, middle - tall / 2, Math.max(ratio, right - left - (right - left > 4 * ratio ? ratio : 0)), tall);
  }
  ctx.restore();
}

// clock writes times of the reader's zone, and the date where it changes.
function clock(ticks) {
  const part = (x, n) => String(x).padStart(2, '0').slice(-n);
  const step = ticks.length > 1 ? ticks[1] - ticks[0] : 1, digits = Math.max(0, Math.min(3, Math.ceil(-Math.log10(step) - 1e-9)));
  const fine = ticks.some((x) => x % 60), far = step >= 86400;
  let day = '';
  return ticks.map((x) => {
    const at = new Date(x * 1000), date = `${at.getFullYear()}-${part(at.getMonth() + 1, 2)}-${part(at.getDate(), 2)}`;
    const time = `${part(at.getHours(), 2)}:${part(at.getMinutes(), 2)}${fine ? ':' + part(at.getSeconds(), 2) : ''}`
      + (digits ? `.${String(Math.round(1000 * (x - Math.floor(x)))).padStart(3, '0').slice(0, digits)}` : '');
    const text = far ? date.slice(5) : date === day ? time : `${time}\n${date}`;
    day = date;
    return text;
  });
}

export function duration(seconds) {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 90) return `${seconds.toFixed(1)} s`;
  if (seconds < 5400) return `${(seconds / 60).toFixed(1)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function describe(plot) {
  if (!plot.bars.length) return 'No trial has started yet.';
  return `${plural(plot.bars.length, 'trial')} in ${plural(plot.lanes, 'lane')}; idle: ${plot.idle.map((share) => `${Math.round(100 * share)} %`).join(', ')}.`;
}
