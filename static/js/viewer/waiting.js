// Slices or a map that the cache no longer held are being made again: ask how far they are, and begin when they are there.

const EVERY_MS = 1000;

export async function untilKept(address, say) {
  for (;;) {
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok) { say({ said: "", progress: 0, state: "failed" }); return null; }
    const told = await answer.json();
    if (told.ready) return told;
    say(told);
    if (told.state === "refused" || told.state === "failed" || told.state === "cancelled") return null;
    await new Promise((done) => { setTimeout(done, EVERY_MS); });
  }
}
