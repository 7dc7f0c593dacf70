// Vitest reporter: counts everything, and names what was skipped with the reason, so that a quiet gap is seen.
import { writeFileSync } from 'node:fs';

/** Outermost suite of a test (or the test itself outside any): what a reader knows a skipped part by. */
const suiteOf = (test) => {
  let node = test;
  while (node.parent !== undefined && node.parent.type === 'suite') node = node.parent;
  return node.name;
};

/** Whether a hook of a suite round the test failed: its tests are then skipped, and the failure is counted with the suite. */
const setUpFailed = (test) => {
  for (let node = test.parent; node !== undefined; node = node.parent) if (node.errors?.().length > 0) return true;
  return false;
};

/** Counts of a run and the skipped suites, from what Vitest hands a reporter. */
export const summarise = (modules, unhandledErrors) => {
  const result = { passed: 0, failed: unhandledErrors.length, skipped: 0, suites: [] };
  const suites = new Map();
  for (const module of modules) {
    let tests = 0;
    for (const test of module.children.allTests()) {
      tests += 1;
      const { state, note } = test.result();
      if (state === 'passed') result.passed += 1;
      else if (state === 'failed') result.failed += 1;
      else {
        result.skipped += 1;
        // A suite may carry its reason in its title: `the log on Kafka (skipped: no Java)`.
        const [, title = '', reason] = /^(.*?)(?: \(skipped: (.*)\))?$/s.exec(suiteOf(test)) ?? [];
        const key = `${module.relativeModuleId} › ${title}`;
        const suite = suites.get(key) ?? { name: key, tests: 0, reason: reason ?? null };
        suite.tests += 1;
        suite.reason ??= note ?? (setUpFailed(test) ? 'its set-up failed, see above' : null);
        suites.set(key, suite);
      }
    }
    // A file that could not be loaded has no tests to fail, and must not pass for it; nor may a hook fail unseen.
    const ownErrors = module.errors().length;
    if (ownErrors > 0 || (tests === 0 && module.state() === 'failed')) result.failed += Math.max(1, ownErrors);
    for (const suite of module.children.allSuites()) result.failed += suite.errors().length;
  }
  result.suites = [...suites.values()];
  return result;
};

export default class CountingReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const file = process.env.SALLYPORT_TEST_SUMMARY;
    if (file !== undefined) writeFileSync(file, JSON.stringify(summarise(modules, unhandledErrors)));
  }
}
