import { approvalPart } from '@sallyport/approval';
import { runService } from '@sallyport/log';

await runService('approval', (runtime) => approvalPart(runtime));
