import { Controller, Inject } from '@nestjs/common';
import { OnLogBatch, type RecordBatch } from '@sallyport/log';
import { CATALOG_GROUP } from '../audit-projector.ports.js';
import { CatalogView } from './catalog-view.js';

@Controller()
export class CatalogController {
  constructor(@Inject(CatalogView) private readonly catalog: CatalogView) {}

  /** What cannot be decoded is a tool of a newer version: the next record of it replaces it. */
  @OnLogBatch({ group: CATALOG_GROUP, topics: ['catalog.state.v1'], poison: 'continue' })
  take(batch: RecordBatch): Promise<void> {
    return this.catalog.take(batch);
  }
}
