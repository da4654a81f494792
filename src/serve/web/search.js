// A search text, or a picture, by vectors, keywords and hybrid: alone, or side by side so that they can be judged.
import * as api from './api.js';
import { count, element, fault, field, say, select, tick } from './page.js';
import * as cards from './cards.js';

const METHODS = ['vectors', 'keywords', 'hybrid'];
const CHOICES = [['sides', 'side by side'], ...METHODS.map(m => [m, m])];
const FORMATS = ['image/jpeg', 'image/png', 'image/webp'];

let form, out, picture; // of the view that is shown; picture: a File, or null
let view = null;

function controls() {
  const text = element('input', { type: 'search', name: 'text', autocomplete: 'off', maxlength: 1000 });
  const method = select(CHOICES, 'sides', { name: 'method' });
  const where = element('input', { name: 'where', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'where-help',
    placeholder: 'price < 50 and availability = in_stock' });
  const n = select(['5', '10', '20', '50'].map(v => [v, v]), '10', { name: 'n' });
  const explain = element('input', { type: 'checkbox', name: 'explain' });
  const collapse = element('input', { type: 'checkbox', name: 'collapse' });
  const diversity = element('input', { type: 'range', name: 'diversity', min: 0, max: 1, step: 0.1, value: 0 });
  form = element('form', { role: 'search', onsubmit: submit },
    element('div', { class: 'row' }, field('Search text', text, true), field('Found by', method), element('button', {}, 'Search')),
    element('div', { class: 'row' }, field('Only products where', where, true), field('Results', n), field('Diversity', diversity),
      tick('One of each group', collapse), tick('Scores and reasons', explain)),
    element('details', { id: 'where-details' }, element('summary', {}, 'What can be asked of products'), element('div', { id: 'where-help', class: 'scroll' })),
    drop());
  for (const input of [method, n, explain, collapse, diversity]) input.addEventListener('change', submit);
  form.querySelector('#where-details').addEventListener('toggle', event => event.target.open && columns(), { once: true });
  return form;
}

// ---- the picture ----

function drop() {
  const input = element('input', { type: 'file', accept: FORMATS.join(','), id: 'picture-file' });
  const zone = element('div', { class: 'drop' }, element('label', { for: 'picture-file' }, 'Or drop a picture here, or choose one:'), input);
  input.addEventListener('change', () => input.files[0] && take(input.files[0], zone));
  zone.addEventListener('dragover', event => {
    event.preventDefault();
    zone.classList.add('over');
  });
  zone.addEventListener('dragleave', () => zone.classList.remove('over'));
  zone.addEventListener('drop', event => {
    event.preventDefault();
    zone.classList.remove('over');
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0], zone);
  });
  return zone;
}

function take(file, zone) {
  if (!FORMATS.includes(file.type)) {
    out.replaceChildren(fault(new Error(`${file.name} is no JPEG, PNG or WebP.`)));
    return;
  }
  const address = URL.createObjectURL(file);
  const image = element('img', { src: address, alt: file.name });
  image.addEventListener('load', () => URL.revokeObjectURL(address), { once: true });
  forget();
  zone.append(image, element('button', { type: 'button', class: 'quiet', onclick: () => without(zone) }, 'Without it'));
  picture = file;
  run();
}

function forget() {
  picture = null;
  form.querySelectorAll('.drop img, .drop button').forEach(old => old.remove());
}

function without(zone) {
  const input = zone.querySelector('input');
  forget();
  input.value = '';
  input.focus();
  run();
}

// ---- what filters can name ----

async function columns() {
  const into = form.querySelector('#where-help');
  try {
    const { columns: list = [] } = await api.columns(view);
    into.replaceChildren(
      element('p', { class: 'note' }, 'Tests are =, !=, <, <=, >, >=, in (a, b), has NAME, NAME is missing, NAME under "A > B", joined by and, or, not and parentheses.'),
      element('table', {}, element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'name'), element('th', { scope: 'col', class: 'words' }, 'kind'),
        element('th', { scope: 'col' }, 'products'), element('th', { scope: 'col', class: 'words' }, 'such as'))),
        element('tbody', {}, ...list.map(c => element('tr', {}, element('th', { scope: 'row' }, c.name), element('td', { class: 'words' }, c.kind),
          element('td', {}, c.products.toLocaleString('en')), element('td', { class: 'words' }, example(c)))))));
  } catch (error) {
    if (error.name !== 'AbortError') into.replaceChildren(fault(error));
  }
}

function example(column) {
  if (column.common?.length) return column.common.slice(0, 3).map(c => c.value).join(', ');
  return column.least !== undefined && column.least <= column.most ? `${column.least} to ${column.most}` : '';
}

// ---- asking ----

function parameters() {
  const { where, n, explain, collapse, diversity } = form.elements;
  return { where: where.value.trim(), n: Number(n.value), explain: explain.checked, collapse: collapse.checked, diversity: Number(diversity.value) };
}

function submit(event) {
  event?.preventDefault();
  if (event?.type === 'submit' && form.elements.text.value.trim()) forget();
  const { text, method, where, n, explain, collapse, diversity } = form.elements;
  const query = new URLSearchParams();
  const defaults = { text: '', method: 'sides', where: '', n: '10', explain: false, collapse: false, diversity: '0' };
  for (const input of [text, method, where, n, explain, collapse, diversity]) {
    const value = input.type === 'checkbox' ? input.checked : input.value.trim();
    if (value !== defaults[input.name]) query.set(input.name, value);
  }
  const next = `#/search${query.size ? `?${query}` : ''}`;
  if (next === location.hash) run();
  else location.hash = next; // which runs it
}

function fill(query) {
  for (const input of form.elements) {
    if (!input.name) continue;
    const value = query.get(input.name);
    if (input.type === 'checkbox') input.checked = value === 'true';
    else if (value !== null) input.value = value;
    else input.value = { method: 'sides', n: '10', diversity: '0' }[input.name] ?? '';
  }
}

let last = null;
async function run() {
  const text = form.elements.text.value.trim();
  form.elements.where.removeAttribute('aria-invalid');
  last?.abort();
  last = new AbortController();
  const { signal } = last;
  out.classList.remove('busy');
  if (!text && !picture) return out.replaceChildren();
  const chosen = form.elements.method.value;
  const methods = picture ? ['vectors'] : chosen === 'sides' ? METHODS : [chosen];
  out.classList.add('busy');
  try {
    const asked = parameters();
    const answers = await Promise.all(methods.map(method =>
      picture ? api.byPicture(picture, asked, signal) : api.search({ ...asked, text, method }, signal)));
    if (!signal.aborted) showSides(methods, answers, asked.explain);
  } catch (error) {
    if (error.name === 'AbortError') return;
    if (error.field === 'where') form.elements.where.setAttribute('aria-invalid', 'true');
    out.replaceChildren(fault(error));
  } finally {
    if (!signal.aborted) out.classList.remove('busy');
  }
}

function showSides(methods, answers, explain) {
  const sides = answers.map((answer, i) => element('section', { class: methods[i], 'aria-labelledby': `by-${methods[i]}` },
    element('h2', { id: `by-${methods[i]}` }, picture ? 'For this picture' : `By ${methods[i]}`), cards.list(answer.results, explain)));
  out.replaceChildren(element('div', { class: methods.length > 1 ? 'sides several' : 'sides' }, ...sides));
  say(answers.map((answer, i) => `${count(answer.results.length, 'product', 'products')} by ${methods[i]}`).join(', '));
}

export async function show(main, at, signal) {
  view = signal;
  if (!main.contains(form ?? null)) {
    picture = null;
    out = element('div', { id: 'results' });
    main.replaceChildren(element('h1', {}, 'Search'), controls(), out);
  }
  signal.addEventListener('abort', () => last?.abort(), { once: true });
  fill(at.query);
  await run();
  const text = at.query.get('text');
  return text ? `“${text}”` : 'Search';
}
