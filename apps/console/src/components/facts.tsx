import type { ReactNode } from 'react';
import classes from './facts.module.css';

/** A name and what it is. */
export interface Fact {
  readonly name: string;
  readonly value: ReactNode;
}

/** Names and values, a line each. */
export const Facts = ({ facts }: { readonly facts: readonly Fact[] }) => (
  <dl className={classes.facts}>
    {facts.map(({ name, value }) => (
      <div key={name} className={classes.fact}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);
