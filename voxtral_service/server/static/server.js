// What the page asks the server over plain HTTP: which model it runs, and why it refused a connection.

/** An address on the server that gave the page, wherever a proxy has put it. */
export function address(path) {
  return new URL(path, document.baseURI);
}

/** Whether a text can be sent as a key: browsers put it into a subprotocol, which may hold these characters only. */
export function isKey(text) {
  return /^[\w.~+!#$%&'*^`|-]+$/.test(text);
}

/** The served model as `{ id, languages }`; null when the server does not tell without a (better) key. */
export async function servedModel(key) {
  const response = await fetch(address("v1/models"), { headers: key ? { Authorization: `Bearer ${key}` } : {} });
  if (response.status === 401) return null;
  if (!response.ok) throw new Error(await errorMessage(response));
  return (await response.json()).data[0];
}

/** The voices that answers can be spoken with, none where nothing speaks; null when the server wants a (better) key. */
export async function voices(key) {
  const response = await fetch(address("v1/audio/voices"), { headers: key ? { Authorization: `Bearer ${key}` } : {} });
  if (response.status === 401) return null;
  if (response.status === 400) return [];
  if (!response.ok) throw new Error(await errorMessage(response));
  return (await response.json()).items;
}

/**
 * Why a websocket was refused; browsers hide the answer from the page, so the server is asked again by HTTP.
 *
 * Gives `{ message, again, key }`: whether it makes sense to try again later, and whether a key is what is missing.
 */
export async function whyRefused(key) {
  try {
    if ((await servedModel(key)) === null) {
      return {
        key: true,
        again: false,
        message: key ? "The server does not know this API key." : "This server needs an API key.",
      };
    }
    const { ready, sessions, places } = await (await fetch(address("ready"))).json();
    if (!ready) return { again: true, message: "The server is shutting down." };
    if (sessions >= places)
      return { again: true, message: `The server is full: ${sessions} of ${places} places are taken.` };
    return { again: true, message: "The server refused the connection; this key may have no sessions left." };
  } catch (error) {
    const unreachable = error instanceof TypeError; // what fetch throws when there is nobody to answer
    return { again: unreachable, message: unreachable ? "The server cannot be reached." : error.message };
  }
}

export async function errorMessage(response) {
  const body = await response.json().catch(() => null);
  return body?.error?.message ?? `The server answered ${response.status}.`;
}
