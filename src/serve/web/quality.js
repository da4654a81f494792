// The release in force, what `eval` found of it, and how its model was trained.
import * as api from './api.js';
import { element, fault, svg } from './page.js';

const WIDE = 420, HIGH = 220, LEFT = 46, BOTTOM = 24, TOP = 8;

function nice(span, parts) {
  const raw = span / parts, ten = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map(f => f * ten).find(step => step >= raw);
}

function ticks(low, high, parts) {
  const step = nice(Math.max(high - low, 1e-9), parts), list = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) list.push(Number(at.toPrecision(6)));
  return list;
}

// Ten colours; what comes after them is dashed.
const look = i => `g${i % 10}${i % 20 < 10 ? '' : ' dashed'}`;

function chart(lines) {
  const steps = lines.flatMap(l => l.points.map(p => p[0])), values = lines.flatMap(l => l.points.map(p => p[1]));
  const last = Math.max(1, ...steps), low = Math.min(0, ...values), high = Math.max(low + 1e-6, ...values);
  const x = s => LEFT + (WIDE - LEFT - 8) * s / last, y = v => TOP + (HIGH - TOP - BOTTOM) * (high - v) / (high - low);
  const drawn = svg('svg', { viewBox: `0 0 ${WIDE} ${HIGH}`, 'aria-hidden': 'true' });
  for (const v of ticks(low, high, 4)) {
    drawn.append(svg('line', { class: 'grid', x1: LEFT, x2: WIDE - 8, y1: y(v), y2: y(v) }),
      svg('text', { x: LEFT - 6, y: y(v) + 4, 'text-anchor': 'end' }, String(v)));
  }
  for (const s of ticks(0, last, 4)) drawn.append(svg('text', { x: x(s), y: HIGH - 6, 'text-anchor': 'middle' }, s.toLocaleString('en')));
  lines.forEach((line, i) => drawn.append(svg('polyline', { class: `line ${look(i)}`, points: line.points.map(p => `${x(p[0]).toFixed(1)},${y(p[1]).toFixed(1)}`).join(' ') })));
  return drawn;
}

function key(lines) {
  return element('ul', { class: 'legend lines' }, ...lines.map((line, i) => element('li', {},
    svg('svg', { viewBox: '0 0 20 10', class: look(i), 'aria-hidden': 'true' }, svg('line', { x1: 0, x2: 20, y1: 5, y2: 5, class: 'line' })),
    `${line.name}: ${line.points.at(-1)[1].toPrecision(3)}`)));
}

// For whoever does not see the chart, and for whoever wants the figures.
function table(lines) {
  const at = [...new Set(lines.flatMap(l => l.points.map(p => p[0])))].sort((a, b) => a - b);
  const some = at.filter((_, i) => i === at.length - 1 || i % Math.ceil(at.length / 12) === 0);
  const value = (line, step) => line.points.find(p => p[0] === step)?.[1].toPrecision(4) ?? '';
  return element('details', {}, element('summary', {}, 'As a table'), element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Figures' }, element('table', {},
    element('thead', {}, element('tr', {}, element('th', { scope: 'col' }, 'step'), ...lines.map(l => element('th', { scope: 'col' }, l.name)))),
    element('tbody', {}, ...some.map(s => element('tr', {}, element('th', { scope: 'row' }, Math.round(s).toLocaleString('en')), ...lines.map(l => element('td', {}, value(l, s)))))))));
}

function plot(title, lines) {
  const full = lines.filter(line => line.points.length > 0 && line.points.some(p => p[1] !== 0));
  return full.length === 0 ? null : element('figure', { class: 'plot' }, element('figcaption', {}, title), chart(full), key(full), table(full));
}

// Recall as a bar, its interval as a line across the end.
function bar(row, colour) {
  const x = value => (100 * Math.min(1, Math.max(0, value))).toFixed(1);
  return svg('svg', { viewBox: '0 0 100 8', preserveAspectRatio: 'none', class: `bar g${colour}`, 'aria-hidden': 'true' },
    svg('rect', { class: 'track', width: 100, height: 8 }), svg('rect', { class: 'key', width: x(row.recall), height: 8 }),
    svg('rect', { class: 'interval', x: x(row.low), width: (x(row.high) - x(row.low)).toFixed(1), y: 3, height: 2 }));
}

// What eval found, by task and method.
function judged(found) {
  if (!found || found.rows.length === 0) return element('p', { class: 'note' }, 'Not judged yet: run itemsage eval.');
  const methods = [...new Set(found.rows.map(row => row.method))], tasks = [...new Set(found.rows.map(row => row.task))];
  const line = (row, first) => element('tr', first ? { class: 'first' } : {}, element('th', { scope: 'row', class: 'words' }, row.task === 'all' ? 'search' : row.task), element('td', { class: 'words' }, row.method),
    element('td', {}, `${row.recall.toFixed(3)} [${row.low.toFixed(3)}, ${row.high.toFixed(3)}]`),
    element('td', {}, bar(row, methods.indexOf(row.method) % 10)), element('td', {}, row.queries.toLocaleString('en')));
  const rows = tasks.flatMap(task => found.rows.filter(row => row.task === task).map((row, i) => line(row, i === 0)));
  const head = ['Task', 'Found by', `Recall at ${found.k}, 95 %`, '', 'Queries'].map((name, i) => element('th', { scope: 'col', class: i < 2 ? 'words' : '' }, name));
  return element('div', {}, element('p', { class: 'note' }, `Release ${found.release}, ${found.source}${found.simulated ? ', simulated' : ''}: the share of what people chose that stands in the first ${found.k} results.`),
    element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Recall by task and method' },
      element('table', { class: 'judged' }, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows))));
}

function facts(status) {
  const list = element('dl', { class: 'facts' });
  const add = (name, value) => {
    if (value === undefined || value === null || value === '') return;
    list.append(element('div', {}, element('dt', {}, name), element('dd', {}, typeof value === 'number' ? value.toLocaleString('en', { maximumFractionDigits: 3 }) : String(value))));
  };
  add('Release', status.release);
  add('Products', status.products);
  add('Numbers a vector', status.dims);
  add('Model', status.model);
  add('Searches of vectors', status.search_width ? `a graph, ${status.search_width} wide` : 'all products compared');
  if (status.search_width) add('Found of the 10 nearest', status.search_recall);
  return list;
}

export async function show(main, at, signal) {
  const [status, training] = await Promise.all([api.status(signal), api.training(signal).catch(error => ({ error }))]);
  if (training.error?.name === 'AbortError') throw training.error;
  const plots = training.error ? [fault(training.error)] : [plot('Recall at 10 on validation queries', training.validations), plot('Loss', training.losses)];
  main.replaceChildren(element('h1', {}, 'Quality'), facts(status), element('h2', {}, 'What it finds of what people chose'), judged(training.judged), element('h2', {}, 'How the model was trained'),
    element('div', { class: 'plots' }, ...plots.filter(Boolean)),
    element('p', { class: 'note' }, 'Slices, curves over k, single searches and how methods differ are in the report: itemsage eval --report page.html.'));
  return 'Quality';
}
