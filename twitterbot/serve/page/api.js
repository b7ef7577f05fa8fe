/** The server's API. Whatever goes wrong becomes a Refusal, whose message is one sentence. */

export class Refusal extends Error {}

const GONE =
  "The server does not answer; start twitterbot serve again, and this page goes on by itself.";
const at = (path) => `api/v1/${path}`;
export const evaluationOf = (name) => at(`checkpoints/${encodeURIComponent(name)}/evaluation.html`);
export const checkpointZip = (name) => at(`checkpoints/${encodeURIComponent(name)}/download`);
export const timelineFile = (handle) => at(`timelines/${encodeURIComponent(handle)}/download`);

/** The sentence of an error answer, whatever its body is. */
function refusal(status, body) {
  try {
    const { error } = JSON.parse(body);
    if (typeof error === "string") return new Refusal(error);
  } catch {
    // Not ours: something else speaks on this port.
  }
  return new Refusal(`The server answered ${status} and did not say why.`);
}

async function request(method, path, body, signal) {
  const options = { method, signal };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(at(path), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(GONE);
  }
  if (!response.ok) throw refusal(response.status, await response.text());
  return response;
}

export const get = async (path) => (await request("GET", path)).json();
export const post = async (path, body) => (await request("POST", path, body)).json();
export const remove = (path) => request("DELETE", path);

/** The answer's lines of JSON as they come; ends early, with an AbortError, by `signal`. */
export async function* lines(path, body, signal) {
  const response = await request("POST", path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    let chunk;
    try {
      chunk = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refusal(GONE);
    }
    if (chunk.done) return;
    const parts = (rest + chunk.value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part) yield JSON.parse(part);
  }
}

/** Sends a file, telling `onsent` the share that is on its way (fetch() cannot). */
export function upload(file, author, onsent) {
  const query = new URLSearchParams({ name: file.name, ...(author && { author }) });
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", at(`import?${query}`));
    sending.setRequestHeader("Content-Type", "application/octet-stream");
    sending.upload.onprogress = (event) => onsent(event.loaded / event.total);
    sending.onload = () =>
      sending.status < 300
        ? resolve(JSON.parse(sending.response))
        : reject(refusal(sending.status, sending.response));
    sending.onerror = () => reject(new Refusal(GONE));
    sending.send(file);
  });
}

const RETRY = 2000; // milliseconds

/**
 * Listens to the server for as long as the page is open. `onopen` also comes after a gap,
 * when all that is shown must be read anew.
 */
export function listen({ onopen, onclose, onjob, onfiles }) {
  const events = new EventSource(at("events"));
  events.onopen = onopen;
  events.addEventListener("job", (event) => onjob(JSON.parse(event.data)));
  events.addEventListener("files", onfiles);
  events.onerror = () => {
    onclose();
    // The browser would try again by itself in some cases, and give up for good in others.
    events.close();
    setTimeout(() => listen({ onopen, onclose, onjob, onfiles }), RETRY);
  };
}
