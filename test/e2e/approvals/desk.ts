import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ApprovalDetail, ApprovalPage } from '@sallyport/contracts';
import { type Cluster, type FetchedAnswer, ROOT_FOLDER, until } from '@sallyport/testing';
import { expect } from 'vitest';

/** What lets a person answer. */
export const APPROVE = 'sallyport:approve';
/** How long a fact is waited for before it counts as missing: no measure of anything, machines are slow. */
export const PATIENCE_MS = 90_000;

const run = promisify(execFile);
const PROGRAM = join(ROOT_FOLDER, 'apps', 'cli', 'dist', 'main.js');

/** How a run of the program ended. */
export interface CliEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where people answer: the HTTP API and the real command line program. */
export class Desk {
  constructor(private readonly cluster: Cluster) {}

  private get url(): string {
    return this.cluster.service('approval').url;
  }

  async fetch(person: string, path: string, body?: unknown): Promise<FetchedAnswer> {
    const options = { base: this.url, ...(body === undefined ? {} : { method: 'POST', body }) };
    return await this.cluster.fetchAs({ subject: person, scopes: [APPROVE] }, `/v1/approvals${path}`, options);
  }

  /** The one request that waits for people and shows `text` among its parameters, once there is one. */
  async asked(text: string): Promise<ApprovalDetail> {
    return await until(
      `people are asked about ${text}`,
      async () => {
        for (const approval of await this.pending()) if (JSON.stringify(approval.paramsMasked).includes(text)) return approval;
        return undefined;
      },
      PATIENCE_MS,
    );
  }

  async show(id: string, person = 'grace'): Promise<ApprovalDetail> {
    const { status, text } = await this.fetch(person, `/${id}`);
    expect(status, text).toBe(200);
    return ApprovalDetail.parse(JSON.parse(text));
  }

  /** Agrees, and sees that it counts. */
  async grant(id: string, person = 'grace'): Promise<ApprovalDetail> {
    const { paramsHash, tool } = await this.show(id, person);
    const { status, text } = await this.fetch(person, `/${id}/grant`, { paramsHash, toolDigest: tool.definitionDigest });
    expect(status, text).toBe(200);
    return ApprovalDetail.parse(JSON.parse(text));
  }

  async reject(id: string, why: string, person = 'grace'): Promise<void> {
    const { status, text } = await this.fetch(person, `/${id}/reject`, { why });
    expect(status, text).toBe(200);
  }

  /** The request once it stands so. */
  async becomes(id: string, status: ApprovalDetail['status']): Promise<ApprovalDetail> {
    return await until(
      `approval ${id} is ${status}`,
      async () => {
        const approval = await this.show(id, 'olga');
        return approval.status === status ? approval : undefined;
      },
      PATIENCE_MS,
    );
  }

  /** Resolves once so many calls wait for the answer to a request. */
  async waits(id: string, calls: number): Promise<void> {
    await until(
      `${calls} calls wait for ${id}`,
      async () => ((await this.show(id)).waitingCalls === calls ? true : undefined),
      PATIENCE_MS,
    );
  }

  /** Runs `sallyport` as a person with a token; `service` is where the command's API is. */
  async cli(service: 'approval' | 'audit-projector', args: readonly string[]): Promise<CliEnd> {
    const token = await this.cluster.token({ subject: 'grace', scopes: [APPROVE, 'sallyport:audit'] });
    const env = { PATH: process.env.PATH ?? '', SALLYPORT_URL: this.cluster.service(service).url, SALLYPORT_TOKEN: token };
    try {
      const { stdout, stderr } = await run(process.execPath, [PROGRAM, ...args], { env, timeout: PATIENCE_MS });
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  }

  private async pending(): Promise<readonly ApprovalDetail[]> {
    const { status, text } = await this.fetch('grace', '?status=pending&limit=200');
    expect(status, text).toBe(200);
    const { approvals } = ApprovalPage.parse(JSON.parse(text));
    return await Promise.all(approvals.map(({ approvalId }) => this.show(approvalId)));
  }
}
