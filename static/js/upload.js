// Sends the files of an upload form with a progress bar. Without this script the form sends itself, just silently.

export function upload(form) {
  const bar = form.querySelector("progress");
  const words = form.querySelector("[data-upload-words]");
  const drop = form.querySelector(".drop");

  for (const name of ["dragover", "drop"]) {
    drop?.addEventListener(name, (event) => {
      event.preventDefault();
      if (name === "drop" && event.dataTransfer.files.length) drop.querySelector("input").files = event.dataTransfer.files;
    });
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const request = new XMLHttpRequest(); // fetch cannot say how much has been sent
    const say = (text) => { words.textContent = text; };
    bar.closest("[data-upload-progress]").hidden = false;
    form.querySelector("button[type=submit]").disabled = true;
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      bar.value = (100 * loaded) / total;
      say(loaded < total ? form.dataset.sending.replace("{}", Math.round(bar.value)) : form.dataset.sent);
    });
    request.addEventListener("load", () => {
      if (request.status < 400 && request.responseURL) window.location.assign(request.responseURL);
      else if (request.status === 422) replacePage(request.responseText);
      else stop(form.dataset.broken);
    });
    request.addEventListener("error", () => stop(form.dataset.broken));
    function stop(text) {
      say(text);
      form.querySelector("button[type=submit]").disabled = false;
    }
    request.open("POST", form.action);
    request.send(new FormData(form));
  });
}

function replacePage(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  document.querySelector("#main").replaceWith(page.querySelector("#main"));
  const form = document.querySelector("form[data-upload]");
  if (form) upload(form);
  document.querySelector("[data-focus]")?.focus();
}
