// Everything that a page does by itself. The server draws the pages; this fills the figures, follows the
// study, and changes the query of the URL without a reload. Nothing else is kept: the URL is the state.
import { figures, grown } from './figure.js';
import { follow } from './live.js';
import { watchLinks } from './filter.js';
import { buttons } from './buttons.js';
import { tail } from './log.js';
import { pack } from './pack.js';

const drawn = figures();
const page = watchLinks(() => drawn.forEach((figure) => figure.update()));
follow(() => {
  drawn.forEach((figure) => figure.follow());
  page.refresh();
});
addEventListener('refreshed', ({ detail }) => drawn.push(...grown(detail)));
buttons();
tail();
pack();
