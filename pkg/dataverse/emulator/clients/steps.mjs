// What the scripts share: where the emulator is, a token, and steps that are reported one by one.
export const root = process.env.ROOT;
export const tenant = process.env.TENANT, client = process.env.CLIENT, secret = process.env.SECRET;

export async function token() {
  const answer = await fetch(`${root}/${tenant}/oauth2/v2.0/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials", client_id: client, client_secret: secret, scope: `${root}/.default` }),
  });
  if (!answer.ok) throw new Error(`token: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).access_token;
}

// step runs f, which asserts for itself, and tells the test on a line of its own what came of it.
export async function step(name, f) {
  let fault = "";
  let value;
  try {
    value = await f();
  } catch (e) {
    fault = [e.status, e.code, e.message ?? String(e)].filter(Boolean).join(" ") || "it failed without a word";
  }
  console.log(JSON.stringify({ step: name, fault }));
  return value;
}
