// How long the meeting has run, in minutes, beside the place on the list.

const clock = document.querySelector("[data-elapsed-since]");

function tell() {
  const minutes = Math.max(0, Math.floor((Date.now() - Date.parse(clock.dataset.elapsedSince)) / 60000));
  clock.textContent = new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: "minute" }).format(minutes);
}

if (clock) {
  tell();
  setInterval(tell, 15000);
}
