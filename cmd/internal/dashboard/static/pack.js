// Panels have any height. In a grid with rows of one pixel each begins right below the one above it.
const gap = 12; // as between columns in style.css

export function pack() {
  const grid = document.querySelector('.figures');
  if (!grid) return;
  const sizes = new ResizeObserver((changes) => changes.forEach(({ target }) => {
    target.style.gridRowEnd = `span ${Math.ceil(target.getBoundingClientRect().height) + gap}`;
  }));
  const watch = () => [...grid.children].forEach((panel) => sizes.observe(panel));
  watch();
  new MutationObserver(watch).observe(grid, { childList: true });
  grid.classList.add('packed');
}
