/* ingest_start.h: where `ingest` goes on: the spool on the disk and the cursor in Kafka each know something, and one
 * may know more.
 *
 *     spool                  Kafka                     goes on from
 *     has a state            no broker answers in time the spool's end; compared later (ingest_sender.h)
 *     has none               no broker answers         waits: there may be a cursor
 *     has none               no cursor                 the live stream, or --cursor
 *     has a state            no cursor                 the spool's end; everything in the spool is sent
 *     has none               cursor                    the cursor: the spool was lost
 *     of another id          cursor                    the cursor: another spool was committed after this one, and had
 *                                                      what this one had not sent
 *     ends below the cursor  cursor                    the cursor: the spool lost its end
 *     ended below it before  cursor                    likewise: it was gone on from without Kafka (spool_end.h)
 *     reaches it             cursor                    the spool's end; what it has above the cursor is sent */
#ifndef SKY_APP_INGEST_START_H
#define SKY_APP_INGEST_START_H

#include "app/ingest_sender.h"
#include "app/service.h"

#define SKY_INGEST_ANSWER_MS 10000 /* ours: for Kafka, where the spool could do without */

/* Until the two are settled, and the sender sends. SKY_E_END: asked to stop meanwhile; others have been told on
 * standard error. */
SKY_MUST_USE enum sky_status sky_ingest_settle(struct sky_service *service, struct sky_spool *spool,
                                               struct sky_ingest_sender *sender);

/* What the sender says, as the health of Kafka. */
void sky_ingest_tell_kafka(struct sky_service *service, const struct sky_ingest_sender_status *status);

#endif
