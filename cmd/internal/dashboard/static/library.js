// Loads a vendored library and its styles once, when the first figure wants it.
const loading = new Map();

export function library(name) {
  if (!loading.has(name)) loading.set(name, load[name]().catch((error) => { loading.delete(name); throw error; }));
  return loading.get(name);
}

const load = {
  uPlot: async () => {
    await Promise.all([styles('uPlot.min.css'), script('uPlot.min.js')]);
    return window.uPlot;
  },
  plotly: async () => {
    // Plotly and maplibre inside it would insert <style>, which the Content-Security-Policy forbids, unless these exist.
    for (const [id, name] of [['plotly.js-style-global', 'no-inline-styles'],
      ['9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53', '']]) {
      const mark = document.createElement('template');
      mark.id = id;
      mark.className = name;
      document.head.append(mark);
    }
    await Promise.all([styles('plotly.css'), script('plotly-strict.min.js')]);
    return window.Plotly;
  },
};

const url = (file) => new URL(`vendor/${file}`, import.meta.url).href;

function script(file) {
  const element = document.createElement('script');
  element.src = url(file);
  return arrival(element, file);
}

function styles(file) {
  const element = document.createElement('link');
  element.rel = 'stylesheet';
  element.href = url(file);
  return arrival(element, file);
}

function arrival(element, file) {
  return new Promise((resolve, reject) => {
    element.addEventListener('load', resolve);
    element.addEventListener('error', () => reject(new Error(`${file} could not be loaded`)));
    document.head.append(element);
  });
}
