// The API reference: Swagger UI over the gateway's own OpenAPI document.
import SwaggerUI from "swagger-ui-dist/swagger-ui-es-bundle.js";
import "swagger-ui-dist/swagger-ui.css";
import "./docs.css";

const dark = matchMedia("(prefers-color-scheme: dark)");
const paint = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", paint);
paint();

SwaggerUI({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // nothing leaves this machine
  // What is tried out is asked with the token that the console was given.
  requestInterceptor: (request: { headers: Record<string, string> }) => {
    const token = sessionStorage.getItem("callgate.token");
    if (token) request.headers.Authorization ??= `Bearer ${token}`;
    return request;
  },
});
