import type { BrowserContext, Request } from "@playwright/test";

/** Collects what must not happen on any page: errors of scripts, of the console, of the page's policy and of requests. */
export class Trouble {
  readonly #seen: string[] = [];
  // A journey without a draft is no trouble, nor is an address that takes messages.
  readonly #allowed: RegExp[] = [/^404 GET \S+\/draft$/, /^404 GET \S+\/suppressions\//];

  /** Allows troubles that a test makes, such as `/^412 PUT/` or `/^net::ERR_FAILED GET/`. */
  allow(...patterns: RegExp[]): void {
    this.#allowed.push(...patterns);
  }

  /** What was seen and not allowed. */
  unexpected(): string[] {
    return this.#seen.filter((text) => !this.#allowed.some((pattern) => pattern.test(text)));
  }

  /** Watches all pages of a context. */
  async watch(context: BrowserContext): Promise<void> {
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const { effectiveDirective, blockedURI, sourceFile, lineNumber } = event;
        reportError(new Error(`policy: ${effectiveDirective} ${blockedURI} ${sourceFile}:${lineNumber}`));
      });
    });
    context.on("console", (message) => {
      // The browser reports each failed request here too, without saying which.
      if (message.type() !== "error" || message.text().startsWith("Failed to load resource")) return;
      this.#seen.push(`console: ${message.text()}`);
    });
    context.on("weberror", (event) => {
      this.#seen.push(`error: ${event.error().stack ?? event.error().message}`);
    });
    context.on("response", (response) => {
      if (response.status() >= 400) this.#seen.push(`${response.status()} ${callOf(response.request())}`);
    });
    context.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText ?? "failed";
      // A page that is left, or a query that is not needed any more, aborts its requests.
      if (reason !== "net::ERR_ABORTED") this.#seen.push(`${reason} ${callOf(request)}`);
    });
  }
}

function callOf(request: Request): string {
  return `${request.method()} ${new URL(request.url()).pathname}`;
}
