// The log of a trial: its tail, then what is written to it.
const kept = 1 << 20; // characters

export async function tail() {
  const pre = document.querySelector('pre[data-log]');
  if (!pre) return;
  const answer = await fetch(pre.dataset.log);
  if (!answer.ok) return;
  pre.textContent = (await answer.text()) || '(nothing yet)';
  pre.scrollTop = pre.scrollHeight;
  let end = Number(answer.headers.get('X-End') ?? 0), empty = end === 0;
  let source = null;
  const open = () => {
    source = new EventSource(`${pre.dataset.log}/events?offset=${end}`);
    source.addEventListener('text', (event) => {
      const more = JSON.parse(event.data);
      const follows = pre.scrollHeight - pre.scrollTop - pre.clientHeight < 20; // unless the reader scrolled up
      pre.textContent = ((empty ? '' : pre.textContent) + more.text).slice(-kept);
      empty = false;
      end = more.end;
      if (follows) pre.scrollTop = pre.scrollHeight;
    });
    source.addEventListener('end', () => { source.close(); source = null; });
  };
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden && source?.readyState === EventSource.CLOSED) open();
    if (document.hidden) source?.close();
  });
  open();
}
