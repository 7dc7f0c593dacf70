import { z } from 'zod';

/** What a kill switch or a revocation is aimed at. `token` is a `jti`, `all` a whole tenant. */
export const ControlKind = z.enum(['tool', 'server', 'agent', 'subject', 'token', 'all']);
export type ControlKind = z.infer<typeof ControlKind>;
