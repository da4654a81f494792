// The views by what stands behind # in the address, so that every view can be linked to and gone back to.
import { fault, say } from './page.js';
import * as api from './api.js';
import * as session from './session.js';
import * as searchView from './search.js';
import * as productView from './product.js';
import * as youView from './you.js';
import * as mapView from './map.js';
import * as qualityView from './quality.js';

const views = { search: searchView, product: productView, you: youView, map: mapView, quality: qualityView };
const main = document.getElementById('main');
let leaving = new AbortController();
let shown = '';

function read() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, ...rest] = path.split('/');
  return { name: views[name] ? name : 'search', rest: decode(rest.join('/')), query: new URLSearchParams(query) };
}

// A link that was cut may end amid an escape.
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function mark(name) {
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#/${name}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

async function go() {
  const at = read();
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const other = shown !== `${at.name}/${at.rest}`;
  if (other) main.replaceChildren();
  mark(at.name);
  try {
    const title = await views[at.name].show(main, at, signal);
    if (signal.aborted) return;
    document.title = `${title} · itemsage`;
    // Keyboard and screen reader begin where the new view does; the first view leaves them at the page's top.
    if (other && shown) {
      main.focus({ preventScroll: true });
      scrollTo(0, 0);
      say(title);
    }
    shown = `${at.name}/${at.rest}`;
  } catch (error) {
    if (error.name !== 'AbortError') main.replaceChildren(fault(error));
  }
}

async function release() {
  try {
    const status = await api.status();
    document.getElementById('release').textContent = status.release ? `release ${status.release}` : '';
  } catch { /* the view says it */ }
}

document.querySelector('.skip').addEventListener('click', event => {
  event.preventDefault(); // its # would be taken for a view
  main.focus();
});
addEventListener('hashchange', go);
session.show();
go().then(release);
