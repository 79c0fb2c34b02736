// The query of the URL is the state of a page. Links and forms with data-nav change it without a reload;
// elements with data-live get the content that the server gives them for the new URL.

// navigate changes the query and tells the page. again replaces the entry of the history instead of adding one.
export function navigate(search, again = false) {
  const text = search.toString();
  const url = location.pathname + (text ? '?' + text : '');
  if (url === location.pathname + location.search) return;
  history[again ? 'replaceState' : 'pushState'](null, '', url);
  dispatchEvent(new Event('navigate'));
}

// watchLinks calls changed after each change of the query. What it returns renews the page.
export function watchLinks(changed) {
  let last = null, timer = 0; // the field that was changed last: while one types, history grows by one entry
  const submit = (form, field) => {
    clearTimeout(timer);
    navigate(withForm(form), field !== null && field === last);
    last = field;
  };
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-nav]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button) return;
    if (link.pathname !== location.pathname) return;
    event.preventDefault();
    last = null;
    navigate(new URLSearchParams(link.search));
  });
  document.addEventListener('submit', (event) => {
    if (!event.target.matches('form[data-nav]')) return;
    event.preventDefault();
    submit(event.target, null);
  });
  document.addEventListener('input', (event) => {
    const form = event.target.form;
    if (!form?.matches('[data-nav]')) return;
    clearTimeout(timer);
    timer = setTimeout(() => submit(form, event.target), event.target.matches('[type=checkbox], select') ? 0 : 400);
  });
  document.addEventListener('input', (event) => { if (event.target.matches('[data-find]')) find(); });
  const page = { refresh };
  const moved = () => {
    fillForms();
    changed();
    page.refresh();
  };
  addEventListener('navigate', moved);
  addEventListener('popstate', () => { last = null; moved(); });
  fillForms();
  return page;
}

// withForm returns the query of the URL with the fields of form in place of the keys that it names.
function withForm(form) {
  const search = new URLSearchParams(location.search);
  for (const field of form.elements) if (field.name) search.delete(field.name);
  search.delete('page');
  for (const [name, value] of new FormData(form)) if (value.trim() !== '') search.append(name, value.trim());
  return search;
}

function fillForms() {
  const search = new URLSearchParams(location.search);
  for (const form of document.querySelectorAll('form[data-nav]')) {
    if (form.dataset.nav === 'defaults' && ![...form.elements].some((f) => f.name && search.has(f.name))) continue;
    for (const field of form.elements) {
      if (!field.name || field === document.activeElement && field.type !== 'checkbox') continue;
      const values = search.getAll(field.name);
      if (field.type === 'checkbox' || field.type === 'radio') field.checked = values.includes(field.value);
      else if (field.multiple) for (const option of field.options) option.selected = values.includes(option.value);
      else if (field.type !== 'hidden') field.value = values[0] ?? (field.tagName === 'SELECT' ? field.options[0]?.value ?? '' : '');
    }
  }
}

// find hides the rows of a table that lack the words of its search field.
function find() {
  for (const field of document.querySelectorAll('[data-find]')) {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of document.querySelectorAll(`#${field.dataset.find} tbody tr`)) {
      row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word));
    }
  }
}

let renewing = null;

// refresh gets the page again and renews what is marked with data-live.
async function refresh() {
  const parts = [...document.querySelectorAll('[data-live][id]')];
  if (!parts.length) return;
  renewing?.abort();
  const { signal } = renewing = new AbortController();
  try {
    const answer = await fetch(location.href, { signal, headers: { Accept: 'text/html' } });
    const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
    if (!answer.ok) {
      return notice(fresh.querySelector('[role=alert]')?.textContent || `The server answered ${answer.status}.`);
    }
    notice('');
    document.title = fresh.title;
    for (const part of parts) {
      const next = fresh.getElementById(part.id);
      if (next) renew(part, next);
    }
    find();
    dispatchEvent(new CustomEvent('refreshed', { detail: fresh }));
  } catch (error) {
    if (error.name !== 'AbortError') notice(`The server does not answer: ${error.message}`);
  }
}

// renew replaces the children of part and keeps what the reader did in it: focus, open details, ticked boxes.
function renew(part, next) {
  Object.assign(part.dataset, next.dataset);
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  if (active?.matches('input:not([type=checkbox]), textarea, select')) return;
  const same = (node) => node.id ? `#${CSS.escape(node.id)}` : ['href', 'name', 'value', 'data-copy']
    .filter((name) => node.hasAttribute(name)).map((name) => `[${name}="${CSS.escape(node.getAttribute(name))}"]`).join('');
  const find = (node) => same(node) && next.querySelector(same(node));
  for (const box of part.querySelectorAll('input[type=checkbox]')) {
    const other = find(box);
    if (other) other.toggleAttribute('checked', box.checked);
  }
  for (const details of part.querySelectorAll('details[id]')) find(details)?.toggleAttribute('open', details.open);
  if (part.innerHTML === next.innerHTML) return;
  const twin = active && find(active);
  part.replaceChildren(...next.childNodes);
  (twin || active && part.querySelector('a[data-nav]'))?.focus({ preventScroll: true });
}

// notice shows one line about what went wrong, or takes it away.
export function notice(text) {
  let line = document.getElementById('notice');
  if (!line) {
    if (!text) return;
    line = document.createElement('p');
    line.id = 'notice';
    line.className = 'error';
    line.setAttribute('role', 'alert');
    document.querySelector('main').prepend(line);
  }
  line.textContent = text;
  line.hidden = !text;
}
