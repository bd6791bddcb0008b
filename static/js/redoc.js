// ReDoc, for reading. It would fetch its maker's logo from a CDN; no request of these pages leaves the host.
/* global Redoc */
const { get, set } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
const { setAttribute } = Element.prototype;
const isOurs = (address) => new URL(address, location.href).origin === location.origin;

Object.defineProperty(HTMLImageElement.prototype, "src", {
  get,
  set(value) {
    if (isOurs(value)) set.call(this, value);
    else this.hidden = true;
  },
});
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== "src" || isOurs(value)) setAttribute.call(this, name, value);
};

const place = document.getElementById("api");
Redoc.init(place.dataset.schema, { hideHostname: true }, place);
