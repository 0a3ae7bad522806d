/* xml.h: reads the small XML documents that S3 answers with.
 *
 * A pull reader over a subset: elements, text, the five named entities and character references. Attributes are passed
 * over, comments and processing instructions skipped; a DOCTYPE or CDATA section is refused, so there are no entities
 * to expand.
 *
 *     while ((token = sky_xml_next(&xml)) == SKY_XML_OPEN || token == SKY_XML_CLOSE)
 *         if (token == SKY_XML_CLOSE && sky_xml_is(&xml, "Key")) ... xml.text
 *
 * Memory   names borrow the input; `text` is owned and holds until the next call.
 * Trust    input is hostile: depth and work are bounded by it; what is not well-formed gives SKY_XML_BAD. */
#ifndef SKY_IO_S3_XML_H
#define SKY_IO_S3_XML_H

#include "base/buffer.h"

#define SKY_XML_DEPTH_MAX 16

enum sky_xml_token {
    SKY_XML_OPEN,  /* `name`; `depth` counts it */
    SKY_XML_CLOSE, /* `name`, and the text since the last tag; `depth` counts it still */
    SKY_XML_END,   /* the document is over and whole */
    SKY_XML_BAD
};

struct sky_xml_reader {
    struct sky_span input;
    size_t at;
    struct sky_span names[SKY_XML_DEPTH_MAX]; /* of the elements that are open */
    uint32_t depth;
    bool empty;   /* <a/>: its end comes next */
    bool closed;  /* the last token was SKY_XML_CLOSE: its element is left with the next call */
    bool is_done; /* the root has been closed */
    struct sky_span name;
    struct sky_buffer text;
};

void sky_xml_init(struct sky_xml_reader *xml, struct sky_span input);
void sky_xml_clean_up(struct sky_xml_reader *xml);

enum sky_xml_token sky_xml_next(struct sky_xml_reader *xml);

/* The element at hand has that name and stands directly in `parent` (NULL: wherever). */
bool sky_xml_is(const struct sky_xml_reader *xml, const char *name);
bool sky_xml_is_in(const struct sky_xml_reader *xml, const char *parent, const char *name);

/* Append `text` as character data: & < > escaped. */
void sky_xml_put_escaped(struct sky_buffer *out, struct sky_span text);

#endif
