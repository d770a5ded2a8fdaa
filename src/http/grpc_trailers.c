/* Code and message are what every client reads; the rest helps those that know it. */
#include "grpc_trailers.h"

#include <sessiond/codec/grpc_metadata.h>
#include "orca.h"

struct list {
    struct ses_header *at;
    size_t count;
};

static void add(struct list *list, struct ses_slice name, struct ses_slice value)
{
    list->at[list->count++] = (struct ses_header){name, value};
}

static struct ses_slice code_text(uint32_t code)
{
    static const char *const codes[] = {"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                        "9", "10", "11", "12", "13", "14", "15", "16"};

    SES_REQUIRE(code < sizeof codes / sizeof codes[0]);
    return ses_slice_str(codes[code]);
}

/* With errors too: a client that only sees refusals has to know why. */
static void add_load(const struct ses_door_options *options, struct ses_exchange *x, struct list *list)
{
    uint8_t report[SES_ORCA_BYTES];
    struct ses_slice text;
    struct ses_load load;

    if (!options->limits.load_reports || x == NULL)
        return;
    ses_load_read(options->metrics, &load);
    ses_orca_encode(&load, report);
    if (ses_grpc_binary_encode(ses_slice(report, sizeof(report)), &x->arena, &text) == SES_OK)
        add(list, SES_STR("endpoint-load-metrics-bin"), text);
}

static void add_details(struct ses_exchange *x, const struct ses_error *error, struct list *list)
{
    struct ses_slice bytes, text;

    if (ses_error_encode_status(error, &x->arena, &bytes) != SES_OK || bytes.len == 0)
        return;
    if (ses_grpc_binary_encode(bytes, &x->arena, &text) == SES_OK && text.len <= SES_GRPC_DETAILS_MAX)
        add(list, SES_STR("grpc-status-details-bin"), text);
}

/* Beside RetryInfo, which libraries show but do not act upon: with this one their own retries wait as long
 * (gRFC A6, "Pushback"). */
static void add_pushback(struct ses_exchange *x, const struct ses_error *error, struct list *list)
{
    const char *text = NULL;

    if (error->retry_delay_ms > 0)
        text = ses_arena_printf(&x->arena, "%u", error->retry_delay_ms);
    if (text != NULL)
        add(list, SES_STR("grpc-retry-pushback-ms"), ses_slice_str(text));
}

size_t ses_grpc_trailers(const struct ses_door_options *options, struct ses_exchange *x,
                         const struct ses_error *error, struct ses_header ret_trailers[SES_GRPC_TRAILERS_MAX])
{
    struct list list = {.at = ret_trailers};
    struct ses_slice text;

    add(&list, SES_STR("grpc-status"), code_text(error == NULL ? 0 : ses_status_grpc(error->status)));
    add_load(options, x, &list);
    if (error == NULL)
        return list.count;
    if (x == NULL) {
        add(&list, SES_STR("grpc-message"), error->message); /* a literal */
        return list.count;
    }
    if (error->message.len > 0 && ses_grpc_message_encode(error->message, &x->arena, &text) == SES_OK)
        add(&list, SES_STR("grpc-message"), text);
    add_details(x, error, &list);
    add_pushback(x, error, &list);
    return list.count;
}
