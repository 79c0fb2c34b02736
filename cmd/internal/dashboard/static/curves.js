// The reports of each trial over its steps.
import { chart, empty, logButton, range, steps, values, whole } from './chart.js';
import { finite, number, plural, short } from './look.js';

export const draw = (area, plot, view) => curves(area, plot.curves.map((curve) => ({
  ...curve, lines: [{ label: short(plot.value.name), values: curve.values }],
})), { step: plot.step || 'step', name: short(plot.value.name), none: none(view.loading) }, view);

const none = (loading) => loading ? 'Reports are still being loaded.' : 'No trial has reported a value yet.';

export function describe(plot, loading) {
  if (!plot.curves.length) return none(loading);
  const pruned = plot.curves.filter((c) => c.state === 'PRUNED').length, running = plot.curves.filter((c) => c.state === 'RUNNING').length;
  return `Learning curves of ${plural(plot.curves.length, 'trial')}: ${pruned} pruned, ${running} running.`;
}

export function legend(plot, best) {
  const marks = plot.curves.length > 1 && plot.curves.some((c) => c.trial === best) ? ['orange: the best trial'] : [];
  if (plot.curves.some((c) => c.state === 'PRUNED')) marks.push('×: pruned');
  return sentence(marks);
}

export const sentence = (marks) => marks.length ? `${marks[0][0].toUpperCase()}${marks.join('; ').slice(1)}.` : '';

// curves draws [{trial, state, feasible, steps, lines: [{label, values, dashed}]}].
export async function curves(area, all, { step, name, none }, view) {
  if (!all.length) return empty(area, none);
  const { colors } = view;
  const log = logButton(view, all.flatMap((curve) => curve.lines.flatMap((line) => line.values)));
  const lows = new Map(), highs = new Map();
  for (const { steps, lines } of all) {
    for (const line of lines) {
      line.values.forEach((y, i) => {
        if (!finite(y)) return;
        lows.set(steps[i], Math.min(y, lows.get(steps[i]) ?? Infinity));
        highs.set(steps[i], Math.max(y, highs.get(steps[i]) ?? -Infinity));
      });
    }
  }
  const xs = [...lows.keys()].sort((a, b) => a - b);
  const points = all.flatMap((curve, index) => curve.steps.flatMap((x, i) => curve.lines.filter((line) => finite(line.values[i])).map((line) => ({
    x, y: line.values[i], curve: index, title: `Trial ${curve.trial}`, href: view.trial(curve.trial), api: view.api(curve.trial),
    lines: [[step, number(x)], ...curve.lines.map(({ label, values }) => [label, number(values[i])]), ['state', curve.state.toLowerCase()],
      ...(curve.overfitted ? [['', 'over-fitted']] : [])],
  }))));
  const hidden = { scale: 'y', paths: () => null, points: { show: false } };
  const self = await chart(area, {
    key: ['curves', log, name, step],
    scales: { x: { time: false, range: steps }, y: { distr: log ? 3 : 1, range: range(log) } },
    axes: (axis) => [axis(step, whole), axis(...values(name))],
    series: [{}, hidden, hidden],
    hooks: { draw: [(u) => area.chart && paint(u, area.chart)] },
  }, [xs, xs.map((x) => lows.get(x)), xs.map((x) => highs.get(x))], points, view);
  Object.assign(self, { curves: all, colors, best: view.best });
  self.plot.redraw(false);
}

// paint draws the curves: the best one last and strong, pruned ones with a cross at their end, running ones with a dot.
function paint(u, { curves: all, colors, best }) {
  if (!all) return;
  const { ctx } = u, ratio = devicePixelRatio;
  const several = colors.several.filter((color) => color !== colors.best);
  const faint = Math.min(0.9, Math.max(0.18, 12 / all.length)), apart = all.length <= 8;
  ctx.save();
  ctx.beginPath();
  ctx.rect(u.bbox.left, u.bbox.top, u.bbox.width, u.bbox.height);
  ctx.clip();
  ctx.lineJoin = 'round';
  const ordered = all.map((curve, i) => [curve, i]).sort(([a], [b]) => (a.trial === best) - (b.trial === best));
  for (const [curve, i] of ordered) {
    const strong = curve.trial === best;
    ctx.strokeStyle = ctx.fillStyle = strong ? colors.best : curve.overfitted ? colors.state.FAIL
      : apart ? several[i % several.length] : colors.state[curve.state] ?? colors.accent;
    ctx.globalAlpha = strong || apart || curve.state === 'RUNNING' ? 1 : faint;
    ctx.lineWidth = (strong ? 2.5 : 1.3) * ratio;
    for (const line of curve.lines) {
      ctx.setLineDash(line.dashed ? [5 * ratio, 4 * ratio] : []);
      ctx.beginPath();
      let drawing = false, end = null, seen = 0;
      line.values.forEach((y, k) => {
        if (!finite(y)) { drawing = false; return; }
        seen++;
        end = [u.valToPos(curve.steps[k], 'x', true), u.valToPos(y, 'y', true)];
        if (drawing) ctx.lineTo(...end);
        else ctx.moveTo(...end);
        drawing = true;
      });
      ctx.stroke();
      if (end) finish(ctx, end, curve.state, seen === 1, ratio);
    }
  }
  ctx.restore();
}

function finish(ctx, [x, y], state, single, ratio) {
  ctx.setLineDash([]);
  if (state === 'PRUNED') {
    const r = 3 * ratio;
    ctx.beginPath();
    ctx.moveTo(x - r, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.moveTo(x - r, y + r);
    ctx.lineTo(x + r, y - r);
    ctx.stroke();
  } else if (state === 'RUNNING' || single) {
    ctx.beginPath();
    ctx.arc(x, y, 3 * ratio, 0, 2 * Math.PI);
    ctx.fill();
  }
}
