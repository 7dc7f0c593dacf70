import { edgeGatewayPart } from '@sallyport/edge-gateway';
import { runService } from '@sallyport/log';

await runService('edge-gateway', (runtime) => edgeGatewayPart(runtime));
