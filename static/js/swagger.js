// Swagger UI, for trying the API out. Who is signed in here needs no token: the browser's session goes along, with its CSRF token.
/* global SwaggerUIBundle */
const place = document.getElementById("api");

SwaggerUIBundle({
  url: place.dataset.schema,
  domNode: place,
  deepLinking: true,
  filter: true,
  // The pictures of validator.swagger.io would leave the host.
  validatorUrl: null,
  requestInterceptor(request) {
    const token = document.cookie.match(/(?:^|; )csrftoken=([^;]+)/);
    const own = new URL(request.url, location.href).origin === location.origin;
    if (token && own && !request.headers["X-CSRFToken"]) request.headers["X-CSRFToken"] = token[1];
    return request;
  },
});
