// The catalogue on a plane: near products lie together. Drag or arrow keys to look around, wheel, pinch or + and - to come
// nearer, click or Enter to open a product.
import * as api from './api.js';
import { count, element, say, svg } from './page.js';
import * as cards from './cards.js';

const WAIT_MS = 1000, NEAR_PX = 18, DOT_PX = 3.2, ZOOM_MAX = 60, MARGIN = 0.05;
const [X, Y, GROUP, ID, TITLE] = [0, 1, 2, 3, 4]; // of a point

async function ready(signal, waiting) {
  for (;;) {
    const map = await api.map(signal);
    if (map.ready) return map;
    waiting();
    await new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, WAIT_MS);
      signal.addEventListener('abort', () => (clearTimeout(timer), reject(new DOMException('left', 'AbortError'))), { once: true });
    });
  }
}

function bounds(points) {
  const b = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (const p of points) {
    b.left = Math.min(b.left, p[X]); b.right = Math.max(b.right, p[X]);
    b.top = Math.min(b.top, p[Y]); b.bottom = Math.max(b.bottom, p[Y]);
  }
  return b;
}

// What is seen: middle of the window in the plane, and pixels a unit.
class View {
  constructor(canvas, points) {
    this.canvas = canvas;
    this.box = bounds(points);
    this.zoom = 1;
    this.x = (this.box.left + this.box.right) / 2;
    this.y = (this.box.top + this.box.bottom) / 2;
  }
  get scale() {
    const across = Math.max(1e-9, (this.box.right - this.box.left) * (1 + 2 * MARGIN));
    const down = Math.max(1e-9, (this.box.bottom - this.box.top) * (1 + 2 * MARGIN));
    return Math.min(this.canvas.clientWidth / across, this.canvas.clientHeight / down) * this.zoom;
  }
  px(p) {
    return [(p[X] - this.x) * this.scale + this.canvas.clientWidth / 2, (p[Y] - this.y) * this.scale + this.canvas.clientHeight / 2];
  }
  move(dx, dy) {
    const { scale, box } = this;
    this.x = Math.min(box.right, Math.max(box.left, this.x - dx / scale));
    this.y = Math.min(box.bottom, Math.max(box.top, this.y - dy / scale));
  }
  // The point under (px, py) stays there.
  nearer(by, px = this.canvas.clientWidth / 2, py = this.canvas.clientHeight / 2) {
    const before = this.scale;
    this.zoom = Math.min(ZOOM_MAX, Math.max(1, this.zoom * by));
    const change = 1 / before - 1 / this.scale;
    this.x += (px - this.canvas.clientWidth / 2) * change;
    this.y += (py - this.canvas.clientHeight / 2) * change;
    this.move(0, 0);
  }
}

function nearest(view, points, px, py) {
  let best = -1, least = NEAR_PX ** 2;
  points.forEach((p, i) => {
    const [x, y] = view.px(p);
    const far = (x - px) ** 2 + (y - py) ** 2;
    if (far < least) [best, least] = [i, far];
  });
  return best;
}

// The next product in a direction: near, and not far to its side.
function beside(points, from, dx, dy) {
  let best = from, least = Infinity;
  points.forEach((p, i) => {
    const along = (p[X] - points[from][X]) * dx + (p[Y] - points[from][Y]) * dy;
    const side = Math.abs((p[X] - points[from][X]) * dy) + Math.abs((p[Y] - points[from][Y]) * dx);
    if (i !== from && along > 0 && along + 2 * side < least) [best, least] = [i, along + 2 * side];
  });
  return best;
}

const colours = () => {
  const style = getComputedStyle(document.documentElement);
  return { of: Array.from({ length: 10 }, (_, g) => style.getPropertyValue(`--g${g}`)), ink: style.getPropertyValue('--ink'), ground: style.getPropertyValue('--card') };
};

function draw(view, points, chosen) {
  const { canvas } = view;
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  const paint = canvas.getContext('2d');
  const { of, ink, ground } = colours();
  paint.scale(ratio, ratio);
  paint.globalAlpha = 0.85;
  const size = DOT_PX * Math.min(2.5, Math.sqrt(view.zoom));
  for (const p of points) {
    const [x, y] = view.px(p);
    if (x < -size || y < -size || x > canvas.clientWidth + size || y > canvas.clientHeight + size) continue;
    paint.fillStyle = of[p[GROUP]] || ink;
    paint.beginPath();
    paint.arc(x, y, size, 0, 2 * Math.PI);
    paint.fill();
  }
  paint.globalAlpha = 1;
  if (view.zoom > 6) names(view, points, paint, ink, ground);
  if (chosen >= 0) ring(view, points[chosen], paint, ink, size);
}

function ring(view, point, paint, ink, size) {
  const [x, y] = view.px(point);
  paint.strokeStyle = ink;
  paint.lineWidth = 2.5;
  paint.beginPath();
  paint.arc(x, y, size + 4, 0, 2 * Math.PI);
  paint.stroke();
}

// As many as do not lie on each other.
function names(view, points, paint, ink, ground) {
  const taken = [];
  paint.font = '12px system-ui, sans-serif';
  paint.lineWidth = 3;
  for (const p of points) {
    const [x, y] = view.px(p);
    if (x < 0 || y < 10 || x > view.canvas.clientWidth || y > view.canvas.clientHeight) continue;
    const text = p[TITLE].length > 28 ? `${p[TITLE].slice(0, 27)}…` : p[TITLE];
    const wide = paint.measureText(text).width;
    if (taken.some(t => Math.abs(t[1] - y) < 15 && x < t[0] + t[2] + 8 && x + wide + 8 > t[0])) continue;
    taken.push([x, y, wide]);
    paint.strokeStyle = ground;
    paint.strokeText(text, x + 8, y + 4);
    paint.fillStyle = ink;
    paint.fillText(text, x + 8, y + 4);
  }
}

// Fingers and mouse: one moves, two come nearer, and what did not move clicks.
function pointers(view, redraw, click) {
  const { canvas } = view;
  const down = new Map();
  let moved = 0;
  const apart = () => {
    const [a, b] = [...down.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };
  canvas.addEventListener('pointerdown', event => {
    canvas.setPointerCapture(event.pointerId);
    if (down.size === 0) moved = 0;
    down.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
  });
  canvas.addEventListener('pointermove', event => {
    const before = down.get(event.pointerId);
    if (!before) return;
    const dx = event.offsetX - before.x, dy = event.offsetY - before.y;
    const far = down.size === 2 ? apart() : 0;
    down.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
    moved += Math.abs(dx) + Math.abs(dy) + (down.size > 1 ? 10 : 0);
    if (down.size === 1) view.move(dx, dy);
    else if (down.size === 2) view.nearer(apart() / Math.max(1, far), event.offsetX, event.offsetY);
    redraw();
  });
  const up = event => {
    if (!down.delete(event.pointerId)) return;
    if (event.type === 'pointerup' && moved < 6) click(event.offsetX, event.offsetY);
  };
  canvas.addEventListener('pointerup', up);
  canvas.addEventListener('pointercancel', up);
  canvas.addEventListener('wheel', event => {
    event.preventDefault();
    view.nearer(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
    redraw();
  }, { passive: false });
}

function legend(map) {
  const n = map.groups.map((_, g) => map.points.filter(p => p[GROUP] === g).length);
  return element('ul', { class: 'legend', 'aria-label': `Colours, by ${map.by}` }, ...map.groups.map((name, g) => element('li', {},
    svg('svg', { viewBox: '0 0 10 10', class: `g${g}`, 'aria-hidden': 'true' }, svg('circle', { cx: 5, cy: 5, r: 4.5, class: 'key' })), `${name} (${n[g].toLocaleString('en')})`)));
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export async function show(main, at, signal) {
  const heading = element('h1', {}, 'Map of the catalogue');
  const wait = element('p', { class: 'note' }, 'The map is being drawn …');
  main.replaceChildren(heading, wait);
  const map = await ready(signal, () => say('The map is being drawn'));
  const { points } = map;
  if (points.length === 0) {
    wait.textContent = 'There are too few products for a map.';
    return 'Map';
  }
  const canvas = element('canvas', { tabindex: 0, role: 'application',
    'aria-label': 'Map of products. Arrow keys go from product to product, plus and minus come nearer or go away, Enter opens the product.' });
  const chosenLine = element('p', { class: 'chosen' }, 'Click on a dot, or go by the arrow keys.');
  let chosen = -1, planned = 0;
  const view = new View(canvas, points);
  const redraw = () => {
    planned ||= requestAnimationFrame(() => {
      planned = 0;
      draw(view, points, chosen);
    });
  };
  const zoom = by => (view.nearer(by), redraw());
  const choose = i => {
    chosen = i;
    const p = points[i], title = p[TITLE] || p[ID];
    chosenLine.replaceChildren(element('a', { href: cards.link(p[ID]) }, title), ` · ${map.groups[p[GROUP]] ?? ''}`);
    const [x, y] = view.px(p);
    if (x < 0 || y < 0 || x > canvas.clientWidth || y > canvas.clientHeight) [view.x, view.y] = [p[X], p[Y]];
    say(title);
    redraw();
  };
  const click = (x, y) => {
    const i = nearest(view, points, x, y);
    if (i < 0) return;
    if (i === chosen) location.hash = cards.link(points[i][ID]);
    else choose(i);
  };
  canvas.addEventListener('keydown', event => {
    if (event.key === 'Enter' && chosen >= 0) location.hash = cards.link(points[chosen][ID]);
    else if (event.key === '+' || event.key === '=') zoom(1.5);
    else if (event.key === '-') zoom(1 / 1.5);
    else if (ARROWS[event.key]) choose(chosen < 0 ? 0 : beside(points, chosen, ...ARROWS[event.key]));
    else return;
    event.preventDefault();
  });
  const button = (text, name, by) => element('button', { type: 'button', 'aria-label': name, onclick: () => zoom(by) }, text);
  pointers(view, redraw, click);
  main.replaceChildren(heading, element('p', { class: 'note' },
    `${count(points.length, 'product', 'products')}${map.of > points.length ? ` of ${map.of.toLocaleString('en')}, evenly drawn` : ''}; near ones have vectors that are alike.`),
    element('div', { class: 'map' }, canvas, element('div', { class: 'zoom' }, button('+', 'Nearer', 1.6), button('−', 'Farther away', 1 / 1.6))),
    chosenLine, legend(map));
  new ResizeObserver(redraw).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw, { signal });
  return 'Map';
}
