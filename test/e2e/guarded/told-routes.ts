/** A line by which a program tells of a route. */
export const routeLine = (verb: string, path: string): string => `told-route ${verb} ${path}`;

const TOLD = /^told-route ([A-Z]+) (\S+)$/;
/** What is registered for every verb has at least these. */
const EVERY = ['DELETE', 'GET', 'PATCH', 'POST', 'PUT'];

/**
 * The routes among the lines of programs, as `GET /v1/tools`, sorted; `ALL /mcp` where every verb is served alike. `HEAD` is left out where
 * `GET` is there: it is the same route without its body.
 */
export const routesIn = (lines: readonly string[]): readonly string[] => {
  const verbs = new Map<string, Set<string>>();
  for (const line of lines) {
    const [, verb, path] = TOLD.exec(line) ?? [];
    if (verb !== undefined && path !== undefined) verbs.set(path, (verbs.get(path) ?? new Set()).add(verb));
  }
  return [...verbs]
    .flatMap(([path, served]) => {
      if (EVERY.every((verb) => served.has(verb))) return [`ALL ${path}`];
      return [...served].filter((verb) => verb !== 'HEAD' || !served.has('GET')).map((verb) => `${verb} ${path}`);
    })
    .sort();
};
