// Buttons that copy.
export function buttons() {
  document.addEventListener('click', async (event) => {
    const button = event.target.closest('button[data-copy]');
    if (!button) return;
    const done = await copy(document.getElementById(button.dataset.copy)?.textContent ?? '');
    const label = button.textContent;
    button.textContent = done ? 'Copied' : 'Not copied: select and copy it yourself';
    button.disabled = true;
    setTimeout(() => { button.textContent = label; button.disabled = false; }, 1500);
  });
}

// copy also works where browsers hide the clipboard: on pages that do not come from this machine or by HTTPS.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'hidden';
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
  }
}
