// One product, what can be done with it, and what is like it.
import * as api from './api.js';
import { element, fault, say } from './page.js';
import * as cards from './cards.js';
import * as session from './session.js';

const DONE = [['save', 'Save'], ['add_to_cart', 'Add to cart'], ['checkout', 'Buy']];
const FACTS = [['brand', 'Brand'], ['category', 'Category'], ['price', 'Price'], ['availability', 'Availability'], ['id', 'Id']];

function does(product, event, name) {
  return element('button', {
    type: 'button', class: event === 'checkout' ? '' : 'quiet',
    onclick: () => {
      session.add(product, event);
      say(`${name}: ${product.title || product.id}; kept in this tab, for you`);
    },
  }, name);
}

// Links of a feed may be anything; only those of the web are links here.
function ownPage(address) {
  return /^https?:\/\//i.test(address ?? '') ? element('p', {}, element('a', { href: address, rel: 'noopener noreferrer' }, 'Its page in the shop')) : null;
}

function facts(product) {
  const list = element('dl');
  for (const [key, name] of FACTS) {
    if (product[key]) list.append(element('dt', {}, name), element('dd', {}, product[key].replaceAll('_', key === 'availability' ? ' ' : '_')));
  }
  return list;
}

async function likeIt(id, into, explain, signal) {
  try {
    const answer = await api.similar({ product_id: id, n: 12, explain }, signal);
    into.replaceChildren(cards.list(answer.results, explain));
  } catch (error) {
    if (error.name !== 'AbortError') into.replaceChildren(fault(error));
  }
}

export async function show(main, at, signal) {
  const product = await api.product(at.rest, signal);
  const near = element('div');
  const explain = element('input', { type: 'checkbox', onchange: () => likeIt(product.id, near, explain.checked, signal) });
  session.add(product, 'click');
  main.replaceChildren(
    element('h1', {}, product.title || product.id),
    element('div', { class: 'one' }, cards.pictureOf(product),
      element('div', {}, facts(product), element('div', { class: 'row' }, ...DONE.map(([event, name]) => does(product, event, name))), ownPage(product.link))),
    element('section', { 'aria-labelledby': 'near' }, element('h2', { id: 'near' }, 'What goes with it, or is like it'),
      element('label', { class: 'tick' }, explain, 'Scores and reasons'), near));
  await likeIt(product.id, near, false, signal);
  return product.title || product.id;
}
