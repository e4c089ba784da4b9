// Keeps the playground's Python for the next visit, and for one without a network. Its folder is named like a digest of
// what is in it, so that what is kept is never stale; folders of other versions are dropped.

const kept = (url) => /\/playground\/[0-9a-f]{12}\//.exec(url)?.[0].slice(12, -1);

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function answer(request, name) {
  const cache = await caches.open(`ltdsl-playground-${name}`);
  const found = await cache.match(request.url);
  if (found) return found;
  const response = await fetch(request);
  if (response.ok) {
    await cache.put(request.url, response.clone());
    for (const other of await caches.keys()) {
      if (other.startsWith("ltdsl-playground-") && other !== `ltdsl-playground-${name}`) await caches.delete(other);
    }
  }
  return response;
}

self.addEventListener("fetch", (event) => {
  const name = event.request.method === "GET" && kept(event.request.url);
  if (name) event.respondWith(answer(event.request, name));
});
