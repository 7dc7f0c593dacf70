import { expect, test } from 'vitest';
import { loginOrder } from './challenge.js';

const PUBLIC_URL = 'http://127.0.0.1:8080';

test('a client finds first where a person can log in, in whatever order the issuers are configured', () => {
  const own = { issuer: `${PUBLIC_URL}/authorization` };
  const [one, two] = ['one', 'two'].map((name) => ({ issuer: `https://${name}.example`, jwksUrl: `https://${name}.example/keys` }));
  const filed = { issuer: 'https://development.invalid' };
  for (const issuers of [
    [filed, one, own, two],
    [one, two, filed, own],
  ])
    expect(loginOrder(issuers as { issuer: string }[], PUBLIC_URL)).toEqual([own.issuer, one?.issuer, two?.issuer, filed.issuer]);
});
