import { budgetAccountantPart } from '@sallyport/budget-accountant';
import { runService } from '@sallyport/log';

await runService('budget-accountant', (runtime) => budgetAccountantPart(runtime));
