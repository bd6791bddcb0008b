// Tries that the socket does not bring: those before it began, older ones, and those behind a summary.

import { remember } from "./payload.js";

export const A_PAGE = 200; // the most that REST gives at once

/** The newest of these, oldest first; null when they could not be had. query: names and values as REST has them. */
export async function logs(path, query, most = A_PAGE) {
  try {
    const answer = await fetch(`${path}?${new URLSearchParams({ ...query, page_size: most })}`);
    if (!answer.ok) return null;
    const text = await answer.text();
    const { results } = JSON.parse(text);
    remember(results, text, "results");
    return results.sort((a, b) => a.cursor - b.cursor);
  } catch {
    return null; // the server is away
  }
}
