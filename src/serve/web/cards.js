// Products as cards: picture, title, price, and on demand what the score is made of.
import * as api from './api.js';
import { element } from './page.js';

const PARTS = { vectors: 'vectors', keywords: 'words', own: 'known', together: 'others' };

// The server's, else the one that the feed links to, else a blank.
export function pictureOf({ id, image_link }) {
  const image = element('img', { class: 'picture', alt: '', loading: 'lazy', decoding: 'async' });
  let next = /^https?:\/\//i.test(image_link ?? '') ? image_link : null;
  image.addEventListener('error', () => {
    if (next) [image.src, next] = [next, null];
    else image.replaceWith(element('span', { class: 'picture none', 'aria-hidden': 'true' }));
  });
  if (image_link) api.picture(image, id);
  else queueMicrotask(() => image.dispatchEvent(new Event('error')));
  return image;
}

export const link = id => `#/product/${encodeURIComponent(id)}`;

// Bars of the parts, as shares of the score's largest part among the list.
function why(result, most) {
  const list = element('dl', { class: 'why' }, element('dt', {}, 'score'), element('dd'), element('dd', {}, result.score.toFixed(4)));
  for (const [part, value] of Object.entries(result.parts ?? {})) {
    const name = PARTS[part] ?? part;
    list.append(element('dt', {}, name),
      element('dd', {}, element('meter', { min: 0, max: most, value: Math.max(0, value), 'aria-label': name })),
      element('dd', {}, value.toFixed(4)));
  }
  if (result.interest_id) list.append(element('dt', {}, 'like'), element('dd', {}, result.interest_id), element('dd'));
  return list;
}

function largestPart(results) {
  return Math.max(1e-6, ...results.flatMap(r => Object.values(r.parts ?? {})));
}

export function card(result, most, explain) {
  const soft = [result.brand, result.category].filter(Boolean).join(' · ');
  const words = element('div', { class: 'what' }, element('a', { class: 'title', href: link(result.id) }, result.title || result.id));
  if (soft) words.append(element('p', { class: 'soft' }, soft));
  if (result.price || result.availability) {
    words.append(element('p', {}, result.price ? element('span', { class: 'price' }, result.price) : '',
      result.availability ? element('span', { class: 'soft' }, ` ${result.availability.replaceAll('_', ' ')}`) : ''));
  }
  if (explain) words.append(why(result, most));
  return element('li', { class: 'product' }, pictureOf(result), words);
}

export function list(results, explain) {
  if (results.length === 0) return element('p', { class: 'note' }, 'Nothing found.');
  const most = largestPart(results);
  return element('ol', { class: 'products' }, ...results.map(result => card(result, most, explain)));
}
