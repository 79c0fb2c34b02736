// The losses of each trial in training (dashed) and validation, over its epochs.
import { curves, sentence } from './curves.js';
import { plural } from './look.js';

export const draw = (area, plot, view) => curves(area, plot.curves.map((curve) => ({
  ...curve, steps: curve.validation.map((_, i) => i + 1),
  lines: [{ label: 'validation', values: curve.validation }, { label: 'training', values: curve.train, dashed: true }],
})), { step: 'epoch', name: 'loss', none: 'No trial keeps its training loss.' }, view);

export function legend(plot, best) {
  if (!plot.curves.length) return '';
  const marks = ['solid: validation; dashed: training'];
  const shown = plot.curves.find((c) => c.trial === best);
  if (shown && plot.curves.length > 1) marks.push(`orange: the best trial${shown.overfitted ? ', over-fitted' : ''}`);
  if (plot.curves.some((c) => c.overfitted && c !== shown)) marks.push('red: over-fitted');
  return sentence(marks);
}

export function describe(plot) {
  const over = plot.curves.filter((curve) => curve.overfitted).length;
  return `Training and validation loss of ${plural(plot.curves.length, 'trial')}, ${over} over-fitted.`;
}
