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
      if (request.status === 201) show(JSON.parse(request.responseText).place);
      else if (request.status === 422) replaceForm(request.responseText);
      else stop(form.dataset.broken);
    });
    request.addEventListener("error", () => stop(form.dataset.broken));
    function stop(text) {
      say(text);
      form.querySelector("button[type=submit]").disabled = false;
    }
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.send(new FormData(form));
  });
}

function show(place) {
  window.location.assign(place); // differs from this page by its fragment only, so it has to be loaded again
  window.location.reload();
}

function replaceForm(html) {
  const place = document.querySelector("#upload");
  place.replaceWith(new DOMParser().parseFromString(html, "text/html").querySelector("#upload"));
  upload(document.querySelector("#upload form"));
  document.querySelector("#upload [data-focus]")?.focus();
}
