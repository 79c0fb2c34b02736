// Runs before the first paint, so it is no module: the theme that the reader chose, if they chose one.
(() => {
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let chosen = null, printing = false;
  try {
    chosen = localStorage.getItem('bluefin.theme');
  } catch {} // storage may be forbidden: then the system decides
  const apply = () => {
    root.toggleAttribute('data-printing', printing);
    root.dataset.theme = printing ? 'light' : chosen ?? (dark.matches ? 'dark' : 'light');
  };
  const changed = () => { apply(); dispatchEvent(new Event('themechange')); };
  apply();
  dark.addEventListener('change', changed);
  // Figures are drawn for the screen; on paper they are dark on white.
  for (const [name, now] of [['beforeprint', true], ['afterprint', false]]) {
    addEventListener(name, () => { printing = now; changed(); });
  }
  addEventListener('click', (event) => {
    if (!event.target.closest?.('[data-theme-toggle]')) return;
    chosen = root.dataset.theme === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem('bluefin.theme', chosen);
    } catch {}
    changed();
  });
})();
