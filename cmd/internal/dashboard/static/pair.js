// What the figures over two parameters share: which two, chosen by the reader and kept in the URL.
import { navigate } from './filter.js';
import { short } from './look.js';

export function choosePair(plot, view) {
  const names = JSON.parse(view.element.dataset.params ?? '[]');
  if (names.length < 2) return;
  const shown = [plot.x.name, plot.y.name];
  const selects = ['x', 'y'].map((key, i) => {
    let label = view.controls.querySelector(`label[data-key=${key}]`);
    if (!label) {
      label = document.createElement('label');
      label.dataset.key = key;
      const select = document.createElement('select');
      select.addEventListener('change', () => {
        const search = new URLSearchParams(location.search), other = selects[1 - i].value;
        search.set(key, select.value);
        search.set(key === 'x' ? 'y' : 'x', other === select.value ? selects[i].dataset.shown : other);
        navigate(search);
      });
      label.append(`${key === 'x' ? 'Across' : 'Up'} `, select);
      view.controls.append(label);
    }
    const select = label.lastChild;
    if (select.length !== names.length) select.replaceChildren(...names.map((name) => new Option(short(name, 40), name)));
    select.value = select.dataset.shown = shown[i];
    return select;
  });
}

// legend says what the colors mean, from the best to the worst. Plotly's own has style attributes, which the
// Content-Security-Policy forbids.
export function legend(view, name, [best, worst]) {
  let line = view.controls.querySelector('.legend');
  if (!line) {
    line = document.createElement('span');
    line.className = 'legend';
    view.controls.append(line);
  }
  const ramp = document.createElement('span');
  ramp.className = 'ramp';
  line.replaceChildren(`${name} ${best} `, ramp, ` ${worst}`);
}
