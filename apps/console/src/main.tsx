import '@mantine/core/styles.css';
import './console.css';
import { setNonce } from 'get-nonce';
import { createRoot } from 'react-dom/client';
import { ApiFault } from './api/api-fault.js';
import { App } from './app.js';

// The policy allows no style of a page but those that carry the nonce of this answer.
const nonce = document.querySelector<HTMLMetaElement>('meta[name="style-nonce"]')?.nonce ?? '';
if (nonce !== '') setNonce(nonce);

const place = document.getElementById('console');
if (place === null) throw new TypeError('the page has no place for the console');
createRoot(place, {
  // What the product refuses is shown where it was asked for; only faults of ours belong on the console of the browser.
  onCaughtError: (error) => {
    if (!(error instanceof ApiFault)) console.error(error);
  },
}).render(<App nonce={nonce} />);
