// Colors, numbers and names as figures show them.

// colors are those of bluefin.css, in the theme of now.
export function colors() {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: get('text'), soft: get('soft'), line: get('line'), grid: get('grid'), panel: get('panel'),
    accent: get('accent'), best: get('best'), infeasible: get('infeasible'),
    state: { COMPLETE: get('complete'), PRUNED: get('pruned'), FAIL: get('fail'), RUNNING: get('running'), WAITING: get('waiting') },
    several: [1, 2, 3, 4, 5, 6, 7, 8].map((i) => get(`series-${i}`)),
    // From the best value to the worst: dark to light on paper, light to dark on a dark page.
    scale: [0, 1, 2, 3, 4].map((i) => [i / 4, get(`scale-${i}`)]),
  };
}

// number writes x in at most six digits.
export function number(x) {
  if (x === null || x === undefined || Number.isNaN(x)) return '–';
  if (x !== 0 && (Math.abs(x) < 1e-4 || Math.abs(x) >= 1e7)) return x.toExponential(3).replace(/\.?0+e/, 'e').replace('e+', 'e');
  return String(Number(x.toPrecision(6)));
}

// short makes a foreign text fit for a label: one line, no characters that are invisible or turn text around.
export function short(text, length = 28) {
  const clean = String(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]+/gu, ' ').trim() || '(no name)';
  const letters = [...clean.slice(0, 2 * length + 2)];
  return letters.length > length ? letters.slice(0, length - 1).join('') + '…' : letters.join('');
}

export const plural = (n, one, many = one + 's') => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

// coordinate says what x means on an axis.
export const coordinate = (axis, x) => x === null ? 'none' : axis.choices ? short(axis.choices[x] ?? x) : number(x);

export const finite = (x) => typeof x === 'number' && Number.isFinite(x);

// extent is [lowest, highest] of what is finite, or null.
export function extent(values) {
  let low = Infinity, high = -Infinity;
  for (const x of values) {
    if (!finite(x)) continue;
    if (x < low) low = x;
    if (x > high) high = x;
  }
  return low <= high ? [low, high] : null;
}
