/* answer.h: the XML documents that S3 answers with, read by expat.
 *
 * Spec     docs.aws.amazon.com/AmazonS3/latest/API
 * Memory   what a callback gets is borrowed until it returns.
 * Threads  any.
 * Trust    input is hostile: its size and depth are bounded, and a DOCTYPE ends the reading, so there are no entities
 * to expand. It is UTF-8, the only encoding that S3 has. Elements that are not known are passed over.
 *
 * Status of the readers; a callback's own ends the reading and comes back:
 *   SKY_E_MALFORMED  not well-formed, or not that document; the callback may have been called before
 *   SKY_E_LIMIT      larger than SKY_S3_ANSWER_BYTES_MAX
 *   SKY_E_MEMORY */
#ifndef SKY_IO_S3_ANSWER_H
#define SKY_IO_S3_ANSWER_H

#include "io/s3/s3.h"

#define SKY_S3_WORD_SIZE       64
#define SKY_S3_ELEMENT_DEPTH   16u /* ours: S3's documents have up to 5 */
#define SKY_S3_UPLOAD_ID_SIZE  1024
#define SKY_S3_OWN_RULE_PREFIX "skytrend-"

/* Printable text, cut to its size. */
struct sky_s3_error {
    char code[SKY_S3_WORD_SIZE]; /* "NoSuchKey" */
    char message[SKY_S3_PROBLEM_SIZE / 2];
    char region[SKY_S3_WORD_SIZE];
};

/* <Error>. False: it is none, or not whole; what was read of it until then is there. */
bool sky_s3_read_error(struct sky_span body, struct sky_s3_error *error);

/* A whole document of that root. */
bool sky_s3_is_document(struct sky_span body, const char *root);

/* <ListBucketResult>: each object to the callback. */
struct sky_s3_page {
    bool is_truncated;
    struct sky_buffer next_token; /* of the page behind it; the caller's to clean up */
};
SKY_MUST_USE enum sky_status sky_s3_read_listing(struct sky_span body, sky_s3_each_fn each, void *context,
                                                 struct sky_s3_page *page);

/* <InitiateMultipartUploadResult> */
SKY_MUST_USE enum sky_status sky_s3_read_upload_id(struct sky_span body, char id[SKY_S3_UPLOAD_ID_SIZE]);

/* <ListMultipartUploadsResult> */
struct sky_s3_upload {
    struct sky_span key;
    struct sky_span id;
    int64_t begun_ms; /* INT64_MAX: not said */
};
typedef enum sky_status (*sky_s3_each_upload_fn)(void *context, const struct sky_s3_upload *upload);
SKY_MUST_USE enum sky_status sky_s3_read_uploads(struct sky_span body, sky_s3_each_upload_fn each, void *context);

/* <LifecycleConfiguration>. *foreign: it has a rule whose id does not begin with SKY_S3_OWN_RULE_PREFIX. */
SKY_MUST_USE enum sky_status sky_s3_read_rules(struct sky_span body, bool *foreign);

/* Append `text` as character data of a document: what a reader would take for something else is escaped. */
void sky_s3_put_escaped(struct sky_buffer *out, struct sky_span text);

#endif
