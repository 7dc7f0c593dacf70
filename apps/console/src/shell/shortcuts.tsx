import { createContext, type PropsWithChildren, useContext, useEffect, useMemo, useRef, useState } from 'react';
import { defaultKeybindingsHandlerIgnore, tinykeys } from 'tinykeys';

/** A key, or keys one after the other (`g o`), and what it does. */
export interface Shortcut {
  /** As tinykeys writes it; `Shift+?` and `?` are both `?`. */
  readonly keys: string;
  /** For the help: `Go to Overview`. */
  readonly does: string;
  readonly run: () => void;
}

interface Registry {
  readonly all: readonly Shortcut[];
  readonly add: (shortcuts: readonly Shortcut[]) => () => void;
}

const Shortcuts = createContext<Registry | null>(null);

/** Keeps the shortcuts of the shell and of the page that is shown. */
export const ShortcutsProvider = ({ children }: PropsWithChildren) => {
  const [sets, setSets] = useState<readonly (readonly Shortcut[])[]>([]);
  const add = useRef((shortcuts: readonly Shortcut[]) => {
    setSets((before) => [...before, shortcuts]);
    return () => setSets((before) => before.filter((one) => one !== shortcuts));
  }).current;
  const registry = useMemo(() => ({ all: sets.flat(), add }), [sets, add]);
  return <Shortcuts value={registry}>{children}</Shortcuts>;
};

const useRegistry = (): Registry => {
  const registry = useContext(Shortcuts);
  if (registry === null) throw new TypeError('shortcuts are used below the ShortcutsProvider alone');
  return registry;
};

/** What the help lists. */
export const useShortcutList = (): readonly Shortcut[] => useRegistry().all;

/** Whether a dialog is open: its keys are its own. */
const inDialog = (): boolean => document.querySelector('[role="dialog"][aria-modal="true"]') !== null;

/**
 * Binds keys while the component is shown, and lists them in the help (`?`). Silent while a person types, holds Control, Alt or Meta, or is in
 * a dialog. The list may be made anew at each rendering; it is bound anew when its keys or texts change.
 */
export const useShortcuts = (shortcuts: readonly Shortcut[]): void => {
  const { add } = useRegistry();
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const identity = shortcuts.map(({ keys, does }) => `${keys}\u0000${does}`).join('\u0001');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the identity stands for the list, whose functions are read when a key is pressed
  useEffect(() => {
    const remove = add(latest.current);
    const bindings = Object.fromEntries(
      latest.current.map(({ keys }, index) => [
        keys,
        (event: KeyboardEvent) => {
          event.preventDefault();
          latest.current[index]?.run();
        },
      ]),
    );
    const unbind = tinykeys(window, bindings, {
      ignore: (event) =>
        event.ctrlKey || event.altKey || event.metaKey || defaultKeybindingsHandlerIgnore(event) || isTyped(event) || inDialog(),
    });
    return () => {
      unbind();
      remove();
    };
  }, [identity, add]);
};

const isTyped = ({ target }: KeyboardEvent): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
