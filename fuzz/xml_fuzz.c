/* xml.h over any bytes: it ends, every element that is opened is closed in its order, and depth stays in bounds. */
#include <stdlib.h>

#include "io/s3/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sky_xml_reader xml;
    enum sky_xml_token token;
    struct sky_span open[SKY_XML_DEPTH_MAX];
    uint32_t depth = 0;
    sky_xml_init(&xml, sky_span_of(data, size));
    while ((token = sky_xml_next(&xml)) == SKY_XML_OPEN || token == SKY_XML_CLOSE) {
        if (token == SKY_XML_OPEN) {
            if (depth == SKY_XML_DEPTH_MAX)
                abort();
            open[depth++] = xml.name;
        } else if (depth == 0 || !sky_span_equal(open[--depth], xml.name) || xml.text.len > size) {
            abort();
        }
    }
    if (token == SKY_XML_END && depth)
        abort();
    sky_xml_clean_up(&xml);
    return 0;
}
