// How much each parameter matters: bars of HTML, which need no library and read well aloud.
import { short } from './look.js';

export function draw(area, plot) {
  const table = document.createElement('table');
  table.ariaLabel = 'Importances';
  table.className = 'bars';
  const most = Math.max(...plot.params.map((p) => Math.max(p.value ?? 0, p.high ?? 0)), 1e-9);
  for (const param of plot.params) {
    const row = table.insertRow(), name = document.createElement('th'), bar = row.insertCell(), value = row.insertCell();
    name.scope = 'row';
    name.textContent = short(param.name, 40);
    name.title = short(param.name, 300);
    row.prepend(name);
    const track = document.createElement('div'), fill = document.createElement('div');
    track.className = 'track';
    fill.className = 'fill';
    fill.style.inlineSize = `${100 * (param.value ?? 0) / most}%`;
    track.append(fill);
    if (param.low !== null && param.high !== null) {
      const whisker = document.createElement('div');
      whisker.className = 'whisker';
      whisker.style.insetInlineStart = `${100 * param.low / most}%`;
      whisker.style.inlineSize = `${100 * (param.high - param.low) / most}%`;
      track.append(whisker);
    }
    bar.append(track);
    value.className = 'num';
    value.textContent = percent(param.value) + (param.low === null ? '' : ` (${percent(param.low)} to ${percent(param.high)})`);
  }
  const line = document.createElement('p');
  line.className = 'empty';
  line.textContent = 'Too few complete trials to tell what matters.';
  area.replaceChildren(plot.params.length ? table : line);
}

const percent = (x) => x === null ? '–' : `${(100 * x).toFixed(x < 0.0995 ? 1 : 0)} %`;

export const describe = (plot) => plot.params.length
  ? `Importance for ${short(plot.value)} by ${plot.method}, from ${plot.trials} trials: ${plot.params.slice(0, 5).map((p) => `${short(p.name)} ${percent(p.value)}`).join(', ')}.`
  : 'Too few complete trials to tell what matters.';
