import { auditProjectorPart } from '@sallyport/audit-projector';
import { runService } from '@sallyport/log';

await runService('audit-projector', (runtime) => auditProjectorPart(runtime));
