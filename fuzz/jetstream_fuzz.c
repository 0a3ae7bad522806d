/* A line that is taken and written again is taken again, and then written byte for byte the same. */
#include <stdlib.h>

#include "event/decoder.h"
#include "event/jetstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sky_decoder *decoder;
    struct sky_decoder_options options = {.scope = SKY_DECODE_ALL_RECORDS, .relay = SKY_SPAN("fuzz")};
    struct sky_decoded decoded;
    struct sky_buffer first = {0}, second = {0};
    if (!decoder)
        require(sky_decoder_new(&options, &decoder) == SKY_OK);
    if (sky_decoder_line(decoder, sky_span_of(data, size), &decoded) == SKY_OK) {
        sky_jetstream_write(decoded.event, decoded.observed_at_us, &first);
        if (first.len) {
            require(sky_decoder_line(decoder, sky_buffer_span(&first), &decoded) == SKY_OK);
            sky_jetstream_write(decoded.event, decoded.observed_at_us, &second);
            require(sky_span_equal(sky_buffer_span(&first), sky_buffer_span(&second)));
        }
    }
    sky_buffer_clean_up(&first);
    sky_buffer_clean_up(&second);
    return 0;
}
