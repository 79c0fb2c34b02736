// Runs before the first paint, so it is no module: the theme that the reader chose, if they chose one.
(() => {
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  let chosen = null;
  try {
    chosen = localStorage.getItem('bluefin.theme');
  } catch {} // storage may be forbidden: then the system decides
  const apply = () => { root.dataset.theme = chosen ?? (dark.matches ? 'dark' : 'light'); };
  const changed = () => { apply(); dispatchEvent(new Event('themechange')); };
  apply();
  dark.addEventListener('change', changed);
  // Figures are drawn for the screen; on paper they are dark on white.
  addEventListener('beforeprint', () => { root.dataset.theme = 'light'; dispatchEvent(new Event('themechange')); });
  addEventListener('afterprint', changed);
  addEventListener('click', (event) => {
    if (!event.target.closest?.('[data-theme-toggle]')) return;
    chosen = root.dataset.theme === 'dark' ? 'light' : 'dark';
    try {
      localStorage.setItem('bluefin.theme', chosen);
    } catch {}
    changed();
  });
})();
