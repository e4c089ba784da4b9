// Keeps the playground's Python for the next visit, and for one without a network. Its folder is named like a digest of
// what is in it, so that what is kept is never stale; older folders of this version are dropped, other versions' are not.

const scope = self.registration.scope; // of one version: …/VERSION/playground/
const mine = `ltdsl-playground ${scope} `;
const kept = (url) => (url.startsWith(scope) ? /^[0-9a-f]{12}(?=\/)/.exec(url.slice(scope.length))?.[0] : undefined);

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

/** What is kept, and what keeps more; nothing where the browser has no room or lets nobody keep anything. */
async function look(url, name) {
  try {
    const cache = await caches.open(name);
    return { cache, found: await cache.match(url) };
  } catch {
    return {};
  }
}

async function keep(cache, url, response, name) {
  try {
    for (const other of await caches.keys()) {
      if (other.startsWith(mine) && other !== name) await caches.delete(other);
    }
    await cache.put(url, response);
  } catch {
    // the next visit loads it again
  }
}

async function answer(request, name) {
  const { cache, found } = await look(request.url, name);
  if (found) return found;
  const response = await fetch(request);
  if (cache && response.ok) await keep(cache, request.url, response.clone(), name);
  return response;
}

self.addEventListener("fetch", (event) => {
  const folder = event.request.method === "GET" && kept(event.request.url);
  if (folder) event.respondWith(answer(event.request, mine + folder));
});
