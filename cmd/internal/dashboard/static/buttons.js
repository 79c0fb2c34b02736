// Buttons that copy, and forms that ask before they change anything.
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
  document.addEventListener('submit', (event) => {
    const form = event.target;
    if (!form.dataset.confirm || form.dataset.confirmed) return;
    event.preventDefault();
    ask(form.dataset.confirm, event.submitter).then((yes) => {
      if (!yes) return;
      form.dataset.confirmed = 'yes';
      form.requestSubmit(event.submitter ?? undefined);
    });
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

function ask(question, submitter) {
  const dialog = document.createElement('dialog');
  const text = document.createElement('p');
  text.textContent = question;
  text.id = 'question';
  dialog.setAttribute('aria-labelledby', text.id);
  const choices = document.createElement('form');
  choices.method = 'dialog';
  for (const [value, label] of [['', 'Cancel'], ['yes', submitter?.textContent?.trim() || 'Yes']]) {
    const button = document.createElement('button');
    button.value = value;
    button.textContent = label;
    if (value) button.className = 'danger';
    choices.append(button);
  }
  dialog.append(text, choices);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener('close', () => {
    dialog.remove();
    resolve(dialog.returnValue === 'yes');
  }));
}
