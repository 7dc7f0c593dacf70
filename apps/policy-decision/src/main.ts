import { runService } from '@sallyport/log';
import { policyDecisionPart } from '@sallyport/policy-decision';

await runService('policy-decision', (runtime) => policyDecisionPart(runtime));
