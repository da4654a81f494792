// What a shopper did, in this tab or in the shop's log, and what is found for them.
import * as api from './api.js';
import { count, element, fault, field, say, select, tick } from './page.js';
import * as cards from './cards.js';
import * as session from './session.js';

const EVENTS = { click: 'looked at', save: 'saved', add_to_cart: 'in the cart', checkout: 'bought' };
const METHODS = [['auto', 'what is best'], ['vectors', 'vectors'], ['hybrid', 'hybrid']];

export async function show(main, at, signal) {
  const history = element('div');
  const log = element('section', { 'aria-labelledby': 'log', hidden: true });
  const out = element('div');
  const user = element('input', { name: 'user', autocomplete: 'off', spellcheck: 'false', value: at.query.get('user') ?? '' });
  const method = select(METHODS, 'auto', { name: 'method' });
  const fresh = element('input', { type: 'checkbox', name: 'fresh' });
  const interests = element('input', { type: 'checkbox', name: 'interests' });
  const explain = element('input', { type: 'checkbox', name: 'explain' });

  async function ask() {
    const events = session.asked();
    const user_id = user.value.trim();
    if (!user_id && events.length === 0) {
      out.replaceChildren(element('p', { class: 'note' }, 'Look at some products, or name a user of the shop’s log.'));
      return;
    }
    out.classList.add('busy');
    tellLog(user_id);
    try {
      const answer = await api.forUser({
        user_id, events: events.length ? events : undefined, method: method.value === 'auto' ? '' : method.value,
        fresh: fresh.checked, interests: interests.checked, explain: explain.checked, n: 24,
      }, signal);
      out.replaceChildren(cards.list(answer.results, explain.checked));
      say(count(answer.results.length, 'product', 'products') + ' for you');
    } catch (error) {
      if (error.name !== 'AbortError') out.replaceChildren(fault(error));
    } finally {
      out.classList.remove('busy');
    }
  }

  // What the shop's log says of the user, beside what is found for them.
  async function tellLog(id) {
    log.hidden = !id;
    if (!id) return;
    try {
      const { past } = await api.past(id, signal);
      log.replaceChildren(element('h2', { id: 'log' }, `What ${id} did, by the shop’s log, the newest first`),
        element('ol', { class: 'history' }, ...past.map(event => element('li', {}, `${EVENTS[event.event] ?? event.event} `,
          element('a', { href: cards.link(event.id) }, event.title || event.id),
          event.age_days === undefined ? '' : `, ${count(Math.round(event.age_days), 'day', 'days')} before the newest event`))));
    } catch {
      log.hidden = true; // what is found for them says why
    }
  }

  function tell() {
    const did = session.events();
    if (did.length === 0) {
      history.replaceChildren(element('p', { class: 'note' }, 'Nothing yet in this tab.'));
      return;
    }
    const items = did.map((event, i) => element('li', {}, `${EVENTS[event.event] ?? event.event} `,
      element('a', { href: cards.link(event.id) }, event.title || event.id), ' ',
      element('button', { type: 'button', class: 'quiet', 'aria-label': `Forget ${event.title || event.id}`, onclick: () => change(() => session.remove(i)) }, 'forget')));
    history.replaceChildren(element('ol', { class: 'history', reversed: true }, ...items.reverse()),
      element('button', { type: 'button', class: 'quiet', onclick: () => change(session.clear) }, 'Forget all'));
  }

  // The button that was pressed is gone, so the focus goes to what stands there now.
  function change(how) {
    how();
    tell();
    const next = history.querySelector('button') ?? user;
    next.focus();
    return ask();
  }

  const form = element('form', { onsubmit: event => (event.preventDefault(), ask()) },
    element('div', { class: 'row' }, field('User of the shop’s log (may be empty)', user, true), field('Found by', method),
      tick('Only what is new to them', fresh), tick('By interests', interests), tick('Scores and reasons', explain), element('button', {}, 'Show')));
  for (const input of [method, fresh, interests, explain]) input.addEventListener('change', ask);
  main.replaceChildren(element('h1', {}, 'For you'), form,
    element('section', { 'aria-labelledby': 'found' }, element('h2', { id: 'found' }, 'For you'), out),
    log,
    element('section', { 'aria-labelledby': 'history' }, element('h2', { id: 'history' }, 'What you did here, the newest first'), history));
  tell();
  await ask();
  return 'For you';
}
