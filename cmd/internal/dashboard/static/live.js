// Follows the study by server-sent events. A hidden page holds no connection: browsers allow six to one host.
const pause = 1000; // at least between two changes

export function follow(changed) {
  const url = document.body.dataset.events;
  const status = document.getElementById('live');
  if (!url) return;
  let source = null, timer = 0, last = 0;
  const say = (text, state) => {
    if (!status || status.textContent === text) return;
    status.textContent = text;
    status.dataset.state = state;
  };
  const schedule = () => {
    timer ||= setTimeout(() => {
      timer = 0;
      last = Date.now();
      changed();
    }, Math.max(0, last + pause - Date.now()));
  };
  const open = () => {
    source = new EventSource(url);
    source.addEventListener('open', () => say('Live', 'open'));
    source.addEventListener('change', schedule);
    source.addEventListener('error', () => {
      say('Reconnecting…', 'lost');
      if (source?.readyState === EventSource.CLOSED) setTimeout(() => { if (!document.hidden) reopen(); }, 3000);
    });
  };
  const close = () => { source?.close(); source = null; };
  const reopen = () => { close(); open(); };
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return close();
    reopen();
    schedule();
  });
  addEventListener('pagehide', close);
  addEventListener('pageshow', (event) => { if (event.persisted) reopen(); });
  if (!document.hidden) open();
}
