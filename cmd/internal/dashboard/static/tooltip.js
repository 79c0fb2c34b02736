// One box beside the pointer or the chosen point: which trial, what is there, and the trial's parameters.
import { short } from './look.js';

const box = document.createElement('div');
box.className = 'tooltip';
box.setAttribute('role', 'status');
box.hidden = true;
document.body.append(box);

const known = new Map(); // answers by URL; a finished trial does not change
let timer = 0, shown = '';

// show puts lines, a list of [label, text], at a place in the window. api is where to get more about the trial.
export function show(x, y, title, lines, api) {
  const key = `${title}\n${lines}\n${api}`;
  if (box.hidden || shown !== key) {
    shown = key;
    fill(title, lines, known.get(api));
    clearTimeout(timer);
    if (api && !known.has(api)) timer = setTimeout(() => ask(api, key, title, lines), 120);
  }
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const left = x + 14 + width > innerWidth ? x - 14 - width : x + 14;
  const top = y + 14 + height > innerHeight ? y - 14 - height : y + 14;
  box.style.translate = `${Math.max(4, left)}px ${Math.max(4, top)}px`;
}

export function hide() {
  clearTimeout(timer);
  box.hidden = true;
  shown = '';
}

async function ask(api, key, title, lines) {
  try {
    const answer = await fetch(api);
    if (!answer.ok) return;
    const trial = await answer.json();
    if (['COMPLETE', 'PRUNED', 'FAIL'].includes(trial.state)) known.set(api, trial);
    if (shown === key && !box.hidden) fill(title, lines, trial);
  } catch {} // the tooltip stays as it is
}

function fill(title, lines, trial) {
  const heading = document.createElement('strong');
  heading.textContent = title;
  const list = document.createElement('dl');
  const most = 12;
  const params = trial?.params ?? [];
  for (const [label, text] of [...lines, ...params.slice(0, most).map((p) => [p.name, p.value])]) {
    const row = document.createElement('div'), name = document.createElement('dt'), value = document.createElement('dd');
    name.textContent = short(label, 24);
    value.textContent = short(text, 32);
    row.append(name, value);
    list.append(row);
  }
  box.replaceChildren(heading, list);
  if (params.length > most) box.append(`and ${params.length - most} more parameters`);
}

addEventListener('scroll', hide, { passive: true, capture: true });
addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
