// After a secret was shown once: a reload opens the live page and does not post the form again.

history.replaceState(null, "", document.querySelector("[data-replace-url]").dataset.replaceUrl);
