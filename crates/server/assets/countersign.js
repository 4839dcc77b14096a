// What the pages need beyond links and forms: live updates, keys, focus after a decision, local times, copying, theme.
//
// The server renders everything; this file builds no markup. One tab holds the event stream for all tabs (a browser gives
// a host six connections, a stream keeps one for good): the holder of a lock listens and passes events on by a channel.
(() => {
  'use strict';
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const words = $('#words')?.dataset ?? {};
  const wide = matchMedia('(min-width: 1024px)');

  // ---- times -------------------------------------------------------------------------------------------------------
  const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
  const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });

  function span(ms) {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 60) return `${s} s`;
    const m = Math.floor(s / 60);
    if (m < 60) return `${m} min`;
    const h = Math.floor(m / 60);
    return h < 24 ? (m % 60 ? `${h} h ${m % 60} min` : `${h} h`) : `${Math.floor(h / 24)} d`;
  }

  function write(element) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) return;
    const past = Date.now() - at.getTime();
    const today = at.toDateString() === new Date().toDateString();
    const text = {
      clock: () => clock.format(at),
      minute: () => (today ? minute.format(at) : `${day.format(at)} ${minute.format(at)}`),
      short: () => (today ? minute.format(at) : day.format(at)),
      in: () => span(-past),
      ago: () => (past < 10_000 ? words.justNow : past < 86_400_000 ? `${span(past)} ${words.ago}` : day.format(at)),
    }[element.dataset.time]?.();
    if (text && element.textContent !== text) element.textContent = text;
    element.title = exact.format(at);
  }

  function times(root = document) {
    $$('time[data-time]', root).forEach(write);
    $$('[data-since]', root).forEach((element) => {
      const text = span(Date.now() - Date.parse(element.dataset.since));
      if (element.textContent !== text) element.textContent = text;
    });
  }

  // ---- saying things -------------------------------------------------------------------------------------------------
  let toastTimer = 0;
  function say(text) {
    const region = $('#say');
    if (region) region.textContent = text;
  }
  function toast(text) {
    const box = $('#toast');
    if (!box) return;
    $('[data-toast-text]', box).textContent = text;
    box.hidden = false;
    const close = () => (box.matches(':hover') ? (toastTimer = setTimeout(close, 1000)) : (box.hidden = true));
    clearTimeout(toastTimer);
    toastTimer = setTimeout(close, 6000);
    say(text);
  }

  // ---- the queue -----------------------------------------------------------------------------------------------------
  const held = new Map(); // request id -> when its row may fold
  const pane = () => $('#pane');
  const rows = () => $$('#queue .row:not(.decided) .row-link');
  const rowOf = (id) => (id ? document.getElementById(`row-${id}`) : null);
  let refreshTimer = 0;
  let swappedAt = 0;

  function hold(id) {
    held.set(id, Date.now() + 6000);
  }

  // Fetches the list anew. Events come in bursts, so they are gathered for a moment; a row that is being read stays.
  function refresh(delay = 60) {
    if (!$('#queue')) return;
    clearTimeout(refreshTimer);
    refreshTimer = setTimeout(async () => {
      // Nothing moves under somebody who is filling in a card.
      if (document.activeElement?.closest('#queue form')) return refresh(1000);
      const now = Date.now();
      for (const [id, until] of held) {
        const busy = rowOf(id)?.matches('.decided:is(:hover, :focus-within)');
        if (until <= now && !busy) held.delete(id);
      }
      const query = new URLSearchParams();
      if (pane()?.dataset.request) query.set('chosen', pane().dataset.request);
      if (held.size) query.set('held', [...held.keys()].join(','));
      await htmx.ajax('GET', `/portal/approvals/queue?${query}`, { target: '#queue', swap: 'outerMorph' });
      if (held.size) refresh(Math.max(500, Math.min(...held.values()) - Date.now()));
    }, delay);
  }

  function counts() {
    const { waiting } = $('#queue')?.dataset ?? {};
    const { attention } = $('#steps-body')?.dataset ?? {};
    for (const [name, count] of Object.entries({ waiting, attention })) {
      if (count !== undefined) $$(`[data-count=${name}]`).forEach((element) => (element.textContent = count));
    }
  }

  function mark() {
    const id = pane()?.dataset.request;
    $$('#queue .row-link').forEach((link) => {
      const on = link.closest('.row').dataset.request === id;
      on ? link.setAttribute('aria-current', 'true') : link.removeAttribute('aria-current');
    });
  }

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const here = all.findIndex((link) => link.getAttribute('aria-current'));
    const next = all[Math.min(all.length - 1, Math.max(0, here < 0 ? 0 : here + step))];
    next.focus();
    next.scrollIntoView({ block: 'nearest' });
    next.click();
  }

  // After one's own decision the next request is shown and its row has the focus.
  function advance(id) {
    if (!wide.matches) return;
    const items = $$('#queue .row');
    const at = items.findIndex((row) => row.dataset.request === id);
    const open = (row) => row && !row.classList.contains('decided') && row.dataset.request !== id;
    const next = items.slice(at + 1).find(open) ?? items.slice(0, Math.max(0, at)).reverse().find(open);
    const link = next && $('.row-link', next);
    if (link) {
      link.focus();
      link.click();
    }
  }

  // ---- lists: j and k walk the rows, x chooses one, o opens it ---------------------------------------------------------
  const listed = () => $$('.directory [data-row]');
  const here = () => document.activeElement?.closest('.directory tbody tr');
  function walk(step) {
    const all = listed();
    const at = all.findIndex((link) => link.closest('tr') === here());
    const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    next?.focus();
    next?.scrollIntoView({ block: 'nearest' });
  }
  function choose() {
    const box = here() && $('input[name=ids]', here());
    if (box) box.click();
    return Boolean(box);
  }

  // ---- events --------------------------------------------------------------------------------------------------------
  let announced = 0;
  function onEvent({ data }) {
    let detail = {};
    try {
      detail = JSON.parse(data || '{}');
    } catch {
      // An event whose data cannot be read still means that something changed.
    }
    const { type, id } = detail;
    if (type?.startsWith('request.') && type !== 'request.created' && id) {
      if (rowOf(id)) hold(id);
      // Decided by somebody else while it is on screen: the bar gives way to the sentence.
      if (pane()?.dataset.request === id && !$('.bar-decided', pane()) && !busy) {
        htmx.ajax('GET', `/portal/approvals/${id}/bar`, { target: '#bar', swap: 'outerHTML' });
      }
    }
    if (type === 'request.created' && Date.now() - announced > 10_000) {
      announced = Date.now();
      say(words.new);
    }
    refresh();
    document.body.dispatchEvent(new CustomEvent('cs:changed'));
    if (!type || type === 'directory.sync') synced();
    fresh();
  }

  // The state of the directory sync is read anew. Each chunk of a sync is news: one reading serves those of a moment.
  let syncTimer = 0;
  function synced() {
    syncTimer ||= setTimeout(() => {
      syncTimer = 0;
      document.body.dispatchEvent(new CustomEvent('cs:sync'));
    }, 400);
  }

  // A list that is read anew, but not under somebody who reads attempts or answers a question in it.
  let freshTimer = 0;
  function fresh() {
    const list = $('[data-fresh]');
    if (!list) return;
    clearTimeout(freshTimer);
    freshTimer = setTimeout(() => {
      if ($('main details[open]') || document.activeElement?.closest('main form')) return fresh();
      list.dispatchEvent(new CustomEvent('cs:fresh'));
    }, 400);
  }

  function live(state) {
    const word = { ok: words.live, warn: words.reconnecting, bad: words.offline }[state];
    $$('[data-live]').forEach((element) => {
      if (!element.classList.contains('live')) return;
      element.hidden = false;
      element.className = `live ${state}`;
      $('.dot', element).className = `dot ${state}`;
      $('[data-live-word]', element).textContent = word;
      element.title = state === 'bad' ? words.offlineHelp : '';
    });
  }

  function listen() {
    const address = document.body.dataset.events;
    if (!address) return;
    const channel = new BroadcastChannel('countersign-events');
    let reached = null;
    let downTimer = 0;
    const state = (up) => {
      if (up === reached) return;
      clearTimeout(downTimer);
      if (up) {
        live('ok');
        // What was missed while the stream was down is in the list.
        if (reached === false) {
          refresh(0);
          document.body.dispatchEvent(new CustomEvent('cs:changed'));
          synced();
          fresh();
        }
      } else {
        downTimer = setTimeout(() => {
          live('warn');
          downTimer = setTimeout(() => live('bad'), 30_000);
        }, 3000);
      }
      reached = up;
    };
    channel.onmessage = ({ data }) => {
      if (data.ask) return;
      data.state === undefined ? onEvent(data) : state(data.state);
    };
    const hold = () =>
      new Promise(() => {
        let source;
        const open = () => {
          source = new EventSource(address);
          const pass = (message) => {
            channel.postMessage(message);
            message.state === undefined ? onEvent(message) : state(message.state);
          };
          source.onopen = () => pass({ state: true });
          source.onerror = () => {
            pass({ state: false });
            // The browser tries again by itself unless it was refused, as after a sign-out.
            if (source.readyState === EventSource.CLOSED) setTimeout(open, 5000);
          };
          source.onmessage = ({ data }) => pass({ data });
        };
        open();
        // A tab that opens later asks whether the stream is up.
        channel.addEventListener('message', ({ data }) => {
          if (data.ask) channel.postMessage({ state: source.readyState === EventSource.OPEN });
        });
      });
    if (navigator.locks) {
      navigator.locks.request('countersign-events', hold);
      channel.postMessage({ ask: true });
    } else {
      hold();
    }
  }

  // ---- htmx ----------------------------------------------------------------------------------------------------------
  let busy = false;
  document.addEventListener('htmx:before:request', (event) => {
    const form = event.target.closest?.('form');
    if (form) busy = true;
  });
  document.addEventListener('htmx:finally:request', () => (busy = false));
  document.addEventListener('htmx:after:swap', () => {
    swappedAt = performance.now();
    times();
    counts();
    mark();
    chosen();
    $('.bar [autofocus]')?.focus();
    // The answer to one's own decision: it is told, the row folds, and the next request is shown.
    const { said, request } = pane()?.dataset ?? {};
    if (said) {
      delete pane().dataset.said;
      hold(request);
      toast(said);
      advance(request);
      refresh(0);
    }
  });
  document.addEventListener('htmx:error', (event) => {
    // A person's own click is told; what the page fetches by itself is fetched again.
    if (event.target.closest?.('form, a, button')) toast(words.failed);
    else refresh(3000);
  });
  // ---- keys ----------------------------------------------------------------------------------------------------------
  const places = { a: '/portal/approvals', r: '/portal/requests', c: '/portal/companies', t: '/portal/steps' };
  let going = 0;
  const keysOff = () => localStorage.getItem('keys') === 'off';
  const press = (selector) => {
    const element = $(selector);
    if (element && !element.disabled) element.click();
    return Boolean(element);
  };

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches?.('input:not([type=checkbox]):not([type=radio]), textarea, select');
    if (event.key === 'Escape') {
      $$('details.menu[open], details.give-up[open]').forEach((menu) => (menu.open = false));
      if (press('.bar [data-cancel], .ask [data-cancel]')) event.preventDefault();
      else if (typing) event.target.blur();
      else if ($('.desk')?.dataset.view === 'request' && !wide.matches) press('[data-back]');
      return;
    }
    if (typing || keysOff() || $('dialog[open]')) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    let done = true;
    if (Date.now() - going < 1500 && places[key]) location.assign(places[key]);
    else if (key === 'g') going = Date.now();
    else if (key === '/') ($('#search')?.offsetParent ? $('#search') : $('#find-field'))?.focus();
    else if (key === '?') $('#keys')?.showModal();
    else if (key === 'f') $('#filter')?.focus();
    else if (key === 'l' && $$('input[name=ids]:checked').length) press('#many [value=link]');
    else if (key === 'j' || key === 'ArrowDown') (done = Boolean($('#queue'))) ? move(1) : (done = listed().length > 0) && walk(1);
    else if (key === 'k' || key === 'ArrowUp') (done = Boolean($('#queue'))) ? move(-1) : (done = listed().length > 0) && walk(-1);
    else if (key === 'x') done = choose();
    // Acts on the request that is shown, never on one that has just moved there.
    else if (key === 'a') performance.now() - swappedAt > 400 && press('[data-approve]');
    else if (key === 'd') performance.now() - swappedAt > 400 && press('[data-deny]');
    else if (key === 'r') $('#reason')?.focus();
    else if (key === 'o') here() ? $('[data-row]', here()).click() : press('[data-open]');
    else if (key === 'c') {
      const id = pane()?.dataset.request;
      id ? copy(new URL(`/portal/requests/${id}`, location.href).href) : press('[data-copy-link]');
    } else done = false;
    if (done) event.preventDefault();
  });

  // ---- clicks --------------------------------------------------------------------------------------------------------
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      toast(words.copied);
    } catch {
      toast(text);
    }
  }

  document.addEventListener('click', (event) => {
    const at = (selector) => event.target.closest?.(selector);
    const link = at('.row-link[hx-get], [data-next]');
    if (link && !wide.matches) $('.desk')?.setAttribute('data-view', 'request');
    const copied = at('[data-copy]');
    if (copied) copy(copied.dataset.copy);
    const page = at('[data-copy-link]');
    if (page) copy(new URL(page.dataset.copyLink, location.href).href);
    if (at('[data-keys]')) $('#keys')?.showModal();
    if (at('[data-theme-switch]')) {
      const dark = getComputedStyle(document.documentElement).colorScheme === 'dark'
        || (!document.documentElement.dataset.theme && matchMedia('(prefers-color-scheme: dark)').matches);
      const theme = dark ? 'light' : 'dark';
      localStorage.setItem('theme', theme);
      document.documentElement.dataset.theme = theme;
    }
    const show = at('[data-show]');
    if (show) {
      $('[data-story]').dataset.story = show.dataset.show;
      $$('[data-show]').forEach((tab) => tab.setAttribute('aria-pressed', String(tab === show)));
    }
    $$('details.menu[open], details.give-up[open]').forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  // ---- forms ---------------------------------------------------------------------------------------------------------
  // A second press of a button does what was asked once. A form whose answer is a file stays on its page, so only for a moment.
  const sent = new WeakMap();
  document.addEventListener('submit', (event) => {
    const { target, timeStamp } = event;
    if (event.defaultPrevented || target.method !== 'post') return;
    if (timeStamp - sent.get(target) < 1500) event.preventDefault();
    else sent.set(target, timeStamp);
  });

  // ---- choosing rows -------------------------------------------------------------------------------------------------
  function chosen() {
    const all = $$('input[name=ids]');
    const on = all.filter((box) => box.checked).length;
    const label = $('.chosen');
    if (label) label.textContent = on ? `${on} ${label.dataset.chosen}` : '';
    $$('[data-needs-chosen]').forEach((button) => (button.disabled = on === 0));
    $$('[data-needs-one]').forEach((button) => (button.disabled = on !== 1));
    $$('[data-none-chosen]').forEach((hint) => (hint.hidden = on > 0));
    const every = $('[data-choose-all]');
    if (every) {
      every.checked = on > 0 && on === all.length;
      every.indeterminate = on > 0 && on < all.length;
    }
  }
  // A list from a file goes into the field beside it: what is sent is what can be read there.
  async function fill(input) {
    const [file] = input.files;
    const field = document.getElementById(input.dataset.fileInto);
    if (!file || !field) return;
    if (file.size > Number(input.dataset.largest)) {
      input.value = '';
      toast(input.dataset.tooLarge);
      return;
    }
    field.value = await file.text();
  }

  document.addEventListener('change', (event) => {
    if (event.target.matches('[data-file-into]')) fill(event.target);
    if (event.target.matches('[data-choose-all]')) $$('input[name=ids]').forEach((box) => (box.checked = event.target.checked));
    if (event.target.matches('[data-keys-off]')) localStorage.setItem('keys', event.target.checked ? 'off' : 'on');
    if (event.target.matches('[data-choose-all], input[name=ids]')) chosen();
  });

  // ---- start ---------------------------------------------------------------------------------------------------------
  const off = $('[data-keys-off]');
  if (off) off.checked = keysOff();
  times();
  chosen();
  setInterval(() => times(), 10_000);
  listen();
})();
