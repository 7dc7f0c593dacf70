import { html, raw } from 'hono/html';

/** Text that is escaped already, or text to escape. */
export type Fragment = ReturnType<typeof html>;
export { html, raw };

/** Where the style of the pages is served. */
export const STYLE_PATH = '/authorization/style.css';

/** One page of the login: server-rendered, without a script, readable in the dark and at 360 px. `title` and `content` are escaped by `html`. */
export const page = async (title: string, content: Fragment): Promise<string> =>
  String(
    await html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · Sallyport</title>
<link rel="stylesheet" href="${STYLE_PATH}">
</head>
<body>
<main>
<p class="mark">Sallyport</p>
<h1>${title}</h1>
${content}
</main>
<footer><p>Development login: it asks for no password and answers this machine alone. Put your own identity provider in its place before anybody else can reach this gateway.</p></footer>
</body>
</html>`,
  );

/** The one style of the pages: the system's fonts and colours that hold WCAG AA in both themes. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1a1d21; --quiet: #555c66; --ground: #f4f5f7; --sheet: #fff; --line: #c9ced6; --strong: #1f5fbf; --onstrong: #fff; }
@media (prefers-color-scheme: dark) { :root { --text: #e8eaed; --quiet: #a6adb8; --ground: #14171b; --sheet: #1d2127; --line: #434a55; --strong: #8ab4f8; --onstrong: #10233f; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 1rem; padding: 1rem; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 30rem; padding: 1.5rem; background: var(--sheet); border: 1px solid var(--line); border-radius: .5rem; overflow-wrap: anywhere; }
footer { max-width: 30rem; color: var(--quiet); font-size: .875rem; }
.mark { margin: 0; color: var(--quiet); font-size: .875rem; letter-spacing: .04em; }
h1 { margin: 0 0 1rem; font-size: 1.375rem; line-height: 1.3; }
ul.people { list-style: none; margin: 0; padding: 0; display: grid; gap: .5rem; }
fieldset { margin: 1rem 0; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .375rem; }
legend { padding: 0 .25rem; font-weight: 600; }
label { display: block; }
fieldset label { padding: .25rem 0; }
code { font-family: ui-monospace, monospace; font-size: .9375em; }
.code { font-size: 1.5rem; letter-spacing: .1em; }
.quiet { color: var(--quiet); font-size: .9375rem; font-weight: 400; margin: .25rem 0; }
.warning { border-inline-start: .25rem solid var(--strong); padding-inline-start: .75rem; }
input[type=text] { width: 100%; padding: .5rem .75rem; margin: .25rem 0 1rem; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: .375rem; }
button { width: 100%; padding: .625rem 1rem; font: inherit; font-weight: 600; text-align: start; color: var(--text); background: var(--sheet); border: 1px solid var(--line); border-radius: .375rem; cursor: pointer; }
button.main { color: var(--onstrong); background: var(--strong); border-color: var(--strong); text-align: center; }
button.other { text-align: center; margin-top: .5rem; }
button:hover { border-color: var(--strong); }
:focus-visible { outline: 3px solid var(--strong); outline-offset: 2px; }
`;

/** The same units for everybody: `1 hour`, `14 days`. */
export const spanOf = (seconds: number): string => {
  const [count, unit] = seconds >= 86_400 ? [Math.round(seconds / 86_400), 'day'] : [Math.round(seconds / 3_600), 'hour'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
};
