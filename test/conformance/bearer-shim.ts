import { request as ask, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/**
 * A reverse proxy that adds a token to what passes: the suite has no option for one. Its own address in Host and Origin becomes the gateway's;
 * any other travels as it came, so that it is the gateway that refuses a foreign one.
 */
export class BearerShim {
  private readonly http: Server;
  private readonly target: { readonly host: string; readonly port: number };
  private readonly token: string;
  private port = 0;

  private constructor(target: { readonly host: string; readonly port: number }, token: string) {
    this.target = target;
    this.token = token;
    this.http = createServer((request, response) => this.pass(request, response));
  }

  static async start(gatewayUrl: string, token: string): Promise<BearerShim> {
    const { hostname, port } = new URL(gatewayUrl);
    const shim = new BearerShim({ host: hostname, port: Number(port) }, token);
    await new Promise<void>((resolve, reject) => {
      shim.http.once('error', reject);
      shim.http.listen(0, '127.0.0.1', resolve);
    });
    const address = shim.http.address();
    if (address === null || typeof address === 'string') throw new Error('the shim has no port');
    shim.port = address.port;
    return shim;
  }

  /** Its address; with a path as the gateway has it. */
  url(path: string): string {
    return `http://localhost:${this.port}${path}`;
  }

  async close(): Promise<void> {
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  private pass(request: IncomingMessage, response: ServerResponse): void {
    const { host, origin } = request.headers;
    const headers = { ...request.headers, authorization: `Bearer ${this.token}`, host: this.translated(host ?? '') };
    if (origin !== undefined) headers.origin = this.translated(origin);
    const onward = ask({ ...this.target, method: request.method, path: request.url, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    onward.once('error', () => response.destroy());
    response.once('close', () => onward.destroy());
    request.pipe(onward);
  }

  private translated(address: string): string {
    return address.replace(new RegExp(`(localhost|127\\.0\\.0\\.1|\\[::1\\]):${this.port}$`), `$1:${this.target.port}`);
  }
}
