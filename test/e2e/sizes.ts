import { type ClusterSize, describeWithKafka } from '@sallyport/testing';
import { describe, test } from 'vitest';

/** Tells the same stories on each size. Where no broker can be started, those on Kafka are skipped with the reason, and fail in CI. */
export const describeSizes = <Size extends ClusterSize>(
  sizes: Readonly<Partial<Record<Size, string>>>,
  body: (size: Size) => void,
): void => {
  for (const [size, title] of Object.entries(sizes) as [Size, string][]) {
    if (size === 'kafka-separate') describeWithKafka({ describe, skip: describe.skip, test }, `${size}: ${title}`, () => body(size));
    else describe(`${size}: ${title}`, () => body(size));
  }
};
