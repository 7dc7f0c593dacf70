import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BeforeApplicationShutdown, Controller, Inject, Injectable, Module, Sse } from '@nestjs/common';
import { createLogger, type EmbeddedPostgres, parseConfiguration, startEmbeddedPostgres } from '@sallyport/platform';
import { Subject } from 'rxjs';
import { afterAll, beforeAll, test } from 'vitest';
import { consumptionMigrations } from '../consumption/consumption-migrations.js';
import { MemoryEventLog } from '../memory/memory-event-log.adapter.js';
import { startServiceApplication } from './service-application.js';
import { openProcessRuntime, openServiceRuntime, type ServiceRuntime } from './service-runtime.js';

let folder: string;
let postgres: EmbeddedPostgres;
let runtime: ServiceRuntime;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-application-'));
  postgres = await startEmbeddedPostgres({ dataDir: folder });
  const configuration = parseConfiguration({
    text: `tenants: [{ id: acme, name: Acme }]
identity: { issuers: [{ issuer: i, tokenSource: t, jwksFile: keys.json }] }`,
    file: '/etc/sallyport/sallyport.yaml',
    env: {},
  });
  const shared = openProcessRuntime({ configuration, log: new MemoryEventLog(), sharesProcess: false });
  const urls = { url: postgres.url(), migrationsUrl: postgres.url() };
  runtime = await openServiceRuntime(shared, 'approval', consumptionMigrations(), urls);
});
afterAll(async () => {
  await runtime?.close();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Streams until a moment after the application was told to end, as one does that is just reading. */
@Injectable()
class News implements BeforeApplicationShutdown {
  readonly all = new Subject<{ data: string }>();
  beforeApplicationShutdown(): void {
    setImmediate(() => setImmediate(() => setImmediate(() => this.all.complete())));
  }
}
@Controller('news')
class NewsController {
  constructor(@Inject(News) private readonly news: News) {}
  @Sse()
  follow() {
    return this.news.all;
  }
}
@Module({ controllers: [NewsController], providers: [News] })
class NewsModule {}

test('an application that ends waits for no client that keeps the connection of a stream it has read to its end', async () => {
  const app = await startServiceApplication({
    parts: [{ runtime, module: { module: NewsModule } }],
    health: runtime.health,
    host: '127.0.0.1',
    port: 0,
    logger: createLogger('spec', { level: 'silent' }),
  });
  const agent = new Agent({ keepAlive: true, timeout: 60_000 });
  const [response]: IncomingMessage[] = await once(get(`${await app.getUrl()}/news`, { agent }), 'response');
  response?.resume();
  const sockets = Object.values(agent.sockets).flat();
  const closed = sockets.map((socket) => once(socket ?? response?.socket ?? agent, 'close'));
  const closing = app.close();
  await Promise.all([once(response as IncomingMessage, 'end'), ...closed, closing]);
  agent.destroy();
});
