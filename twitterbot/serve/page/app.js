/**
 * The page of `twitterbot serve`. It keeps nothing that the server knows: everything that is
 * shown was read from it, and is read anew whenever the server says that it changed.
 */

import { get, listen } from "./api.js";
import { byId, say } from "./dom.js";
import * as generate from "./generate.js";
import * as model from "./model.js";
import * as track from "./track.js";
import * as tweets from "./tweets.js";

const parts = [tweets, model, generate, track];
const state = { status: null, job: null, timelines: [], checkpoints: [] };

function show() {
  if (!state.status) return; // it is on its way
  for (const part of parts) part.show(state);
}

async function readFiles() {
  const [timelines, checkpoints] = await Promise.all([get("timelines"), get("checkpoints")]);
  Object.assign(state, timelines, checkpoints);
  show();
  setOffline("");
}

async function readAll() {
  state.status = await get("status");
  state.job = state.status.job;
  await readFiles();
  say(byId("version"), `twitterbot ${state.status.version}`);
}

function setOffline(problem) {
  say(byId("offline"), problem);
  document.body.classList.toggle("is-offline", Boolean(problem));
}

generate.oncounts(() => state.status && track.show(state));

const orSay = (work) => () => work().catch((error) => setOffline(error.message));

listen({
  onopen: orSay(readAll),
  onclose: orSay(() => get("status")), // which says why, if it can be asked
  onjob: (job) => {
    state.job = job;
    show();
  },
  onfiles: orSay(readFiles),
});
