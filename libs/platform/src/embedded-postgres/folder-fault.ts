import { AppError } from '@sallyport/contracts';

const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

const SAYINGS: readonly (readonly [RegExp, (folder: string) => string])[] = [
  [
    /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/,
    (folder) => `The disk is full: free some space for ${folder} and start again`,
  ],
  [
    /EROFS|Read-only file system/,
    (folder) => `${folder} is on a read-only file system: keep the data in a folder that can be written, or set DATABASE_URL`,
  ],
  [
    /EACCES|EPERM|Permission denied/,
    (folder) => `${folder} cannot be written by this user: change its owner, keep the data elsewhere, or set DATABASE_URL`,
  ],
  [/ENOTDIR|EEXIST|Not a directory/, (folder) => `${folder} is not a folder: move what is there, or keep the data elsewhere`],
  [
    /could not look up effective user ID/,
    () => 'This user has no entry in /etc/passwd, which PostgreSQL needs: start as a named user, or set DATABASE_URL',
  ],
  [
    /could not create shared memory|could not map anonymous shared memory|Cannot allocate memory/,
    () => 'There is not enough memory to start PostgreSQL',
  ],
];

/** One line that says what to do, for what went wrong at a folder; the text is an errno, or what PostgreSQL printed. */
export const folderFault = (folder: string, problem: unknown): AppError => {
  if (problem instanceof AppError) return problem;
  const text = `${codeOf(problem) ?? ''} ${problem instanceof Error ? problem.message : String(problem)}`;
  const saying = SAYINGS.find(([pattern]) => pattern.test(text))?.[1](folder);
  return new AppError('store.start-failed', saying ?? `PostgreSQL did not start in ${folder}: ${lastLine(text)}`, { cause: problem });
};

/** PostgreSQL's own complaint: its last line of weight, else the last one. */
const lastLine = (text: string): string => {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return (lines.findLast((line) => /FATAL|PANIC|error:/.test(line)) ?? lines.at(-1) ?? 'no reason given').slice(0, 400);
};
