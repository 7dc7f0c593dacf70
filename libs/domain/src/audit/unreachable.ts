/** Makes a forgotten case a compile error. Throws when a value outside its type arrives all the same. */
export const unreachable = (value: never): never => {
  throw new TypeError(`not a known case: ${String(value)}`);
};
