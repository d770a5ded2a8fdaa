/* A ring of fixed size: what nobody takes away costs no more memory than that. */
#include <sessiond/base/span.h>

#include <stdlib.h>

#include <sessiond/base/random.h>

struct ses_spans {
    struct ses_span *ring;
    size_t room;
    size_t first;
    size_t count;
    unsigned sample_percent;
    struct ses_metrics *metrics;
};

enum ses_status ses_spans_new(size_t room, unsigned sample_percent, struct ses_metrics *metrics,
                              struct ses_spans **ret_spans)
{
    struct ses_spans *spans = calloc(1, sizeof(*spans));

    SES_REQUIRE(room > 0);
    if (spans == NULL)
        return SES_NO_MEMORY;
    *spans = (struct ses_spans){.room = room, .sample_percent = sample_percent, .metrics = metrics};
    spans->ring = calloc(room, sizeof(*spans->ring));
    if (spans->ring == NULL) {
        free(spans);
        return SES_NO_MEMORY;
    }
    *ret_spans = spans;
    return SES_OK;
}

void ses_spans_free(struct ses_spans *spans)
{
    if (spans == NULL)
        return;
    free(spans->ring);
    free(spans);
}

/* Off by one part in 4 x 10^7, since 2^32 is no multiple of 100. */
bool ses_spans_sample(const struct ses_spans *spans)
{
    uint32_t word;

    if (spans->sample_percent == 0)
        return false;
    ses_random_bytes(&word, sizeof(word));
    return word % 100 < spans->sample_percent;
}

void ses_spans_add(struct ses_spans *spans, const struct ses_span *span)
{
    if (spans->count == spans->room) {
        ses_count(spans->metrics, SES_C_TRACE_SPANS_DROPPED, 1);
        return;
    }
    spans->ring[(spans->first + spans->count) % spans->room] = *span;
    spans->count++;
}

size_t ses_spans_count(const struct ses_spans *spans)
{
    return spans->count;
}

const struct ses_span *ses_spans_at(const struct ses_spans *spans, size_t i)
{
    SES_REQUIRE(i < spans->count);
    return &spans->ring[(spans->first + i) % spans->room];
}

void ses_spans_drop(struct ses_spans *spans, size_t count)
{
    SES_REQUIRE(count <= spans->count);
    spans->first = (spans->first + count) % spans->room;
    spans->count -= count;
}
