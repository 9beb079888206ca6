/**
 * A player's tab, as a studio's web page would be: the session helper for HTTP and a bare WebSocket for `/v1/live`. Plain
 * JavaScript, because a browser runs it as it stands.
 */
import { createSession } from '/app/clients/session/session.js';

const storage = {
  get: (key) => localStorage.getItem(key),
  set: (key, value) => localStorage.setItem(key, value),
  remove: (key) => localStorage.removeItem(key),
};
const session = createSession({
  baseUrl: '',
  storage,
  deviceId: 'tab',
  onEnded: () => {
    tab.isEnded = true;
  },
});
let socket;

const tab = {
  isEnded: false,
  /** Everything that came over the live channel. */
  messages: [],
  /** The code with which it was closed. */
  closed: null,
  signIn: (username, password) => session.login({ username, password }),
  async me() {
    const response = await session.fetch('/v1/me');
    return { status: response.status, body: await response.json() };
  },
  async watch(...events) {
    const accessToken = await session.accessToken();
    socket = new WebSocket(`ws://${location.host}/v1/live`);
    socket.onmessage = ({ data }) => tab.messages.push(JSON.parse(data));
    socket.onclose = ({ code }) => {
      tab.closed = code;
    };
    socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', accessToken, events }));
  },
  claim: (eventKey, requestId) => socket.send(JSON.stringify({ type: 'claim', eventKey, requestId })),
  /** The first message that has all of these members. */
  message: (members) =>
    tab.messages.find((message) => Object.entries(members).every(([name, value]) => message[name] === value)),
};
globalThis.tab = tab;
