/* grpc/grpc doc/PROTOCOL-HTTP2.md, "Responses", and doc/http-grpc-status-mapping.md for what has no grpc-status. */
#include "answer.h"

#include <stdio.h>

#include <sessiond/base/encode.h>
#include <sessiond/codec/grpc_metadata.h>

#define FIELD_OVERHEAD   32
#define GRPC_STATUS_LAST 16
#define GRPC_UNKNOWN     2u
#define GRPC_INTERNAL    13u
/* Two lists, and the bytes of what is base64 in them. */
#define TEXTS_MAX (4 * SES_UPSTREAM_HEADERS_MAX)

void ses_up_answer_init(struct ses_up_answer *answer, size_t message_bytes_max)
{
    memset(answer, 0, offsetof(struct ses_up_answer, fields));
    answer->grpc_status = GRPC_UNKNOWN;
    ses_buf_init_wiped(&answer->texts, TEXTS_MAX);
    ses_buf_init_wiped(&answer->message, message_bytes_max);
    ses_grpc_reader_init_wiped(&answer->reader, message_bytes_max);
}

void ses_up_answer_done(struct ses_up_answer *answer)
{
    ses_buf_done(&answer->texts);
    ses_buf_done(&answer->message);
    ses_grpc_reader_done(&answer->reader);
}

static bool fail(struct ses_up_answer *answer, const char *fault)
{
    if (answer->fault == NULL)
        answer->fault = fault;
    return false;
}

/* ---- header lists ------------------------------------------------------------------------------------- */

void ses_up_answer_list_begin(struct ses_up_answer *answer)
{
    answer->begun = true;
    answer->list_bytes = 0;
    answer->informational = false;
}

static struct ses_up_text keep(struct ses_up_answer *answer, struct ses_slice text)
{
    struct ses_up_text kept = {.at = (uint32_t)answer->texts.len};

    if (ses_buf_append(&answer->texts, text) == SES_OK)
        kept.len = (uint32_t)text.len;
    return kept;
}

static void take_http_status(struct ses_up_answer *answer, struct ses_slice value)
{
    uint64_t status;

    if (answer->final || ses_parse_u64(value, 999, &status) != SES_OK)
        return; /* not in trailers: nghttp2 lets no pseudo-field through there */
    answer->informational = status < 200;
    if (!answer->informational)
        answer->http_status = (uint32_t)status;
}

/* A code that gRPC does not know counts as UNKNOWN (doc/statuscodes.md); one that is no number, or a second one, is none. */
static void take_grpc_status(struct ses_up_answer *answer, struct ses_slice value)
{
    uint64_t status;

    if (answer->has_status || ses_parse_u64(value, UINT32_MAX, &status) != SES_OK) {
        (void)fail(answer, "the answer's grpc-status is no number, or there are two");
        return;
    }
    answer->has_status = true;
    answer->grpc_status = status > GRPC_STATUS_LAST ? GRPC_UNKNOWN : (uint32_t)status;
}

/* "application/grpc", perhaps with "+proto" or a parameter. */
static bool is_grpc_type(struct ses_slice type)
{
    const struct ses_slice grpc = SES_STR("application/grpc");
    struct ses_slice rest = ses_slice_cut(type, grpc.len, type.len);

    return ses_slice_ieq(ses_slice_cut(type, 0, grpc.len), grpc) &&
           (rest.len == 0 || rest.data[0] == '+' || rest.data[0] == ';');
}

static bool is_protocols_own(struct ses_slice name)
{
    return ses_slice_starts(name, SES_STR(":")) || ses_slice_starts(name, SES_STR("grpc-")) ||
           ses_slice_eq_str(name, "content-type") || ses_slice_eq_str(name, "content-length") ||
           ses_slice_eq_str(name, "trailer");
}

static void keep_field(struct ses_up_answer *answer, struct ses_slice name, struct ses_slice value)
{
    if (ses_slice_eq_str(name, "content-type"))
        answer->typed = is_grpc_type(value);
    else if (ses_slice_eq_str(name, "grpc-message"))
        answer->grpc_message = keep(answer, value);
    else if (ses_slice_eq_str(name, "grpc-status-details-bin"))
        answer->details = keep(answer, value);
    else if (!is_protocols_own(name) && answer->fields_count < SES_UPSTREAM_METADATA_MAX)
        answer->fields[answer->fields_count++] =
            (struct ses_up_field){.name = keep(answer, name), .value = keep(answer, value)};
}

bool ses_up_answer_field(struct ses_up_answer *answer, struct ses_slice name, struct ses_slice value)
{
    answer->list_bytes += name.len + value.len + FIELD_OVERHEAD;
    if (answer->list_bytes > SES_UP_HEADER_EXCESS * SES_UPSTREAM_HEADERS_MAX)
        return fail(answer, "the answer's headers are far too large");
    if (ses_slice_eq_str(name, ":status"))
        take_http_status(answer, value);
    else if (answer->informational)
        return true;
    else if (ses_slice_eq_str(name, "grpc-status"))
        take_grpc_status(answer, value);
    else if (answer->list_bytes <= SES_UPSTREAM_HEADERS_MAX)
        keep_field(answer, name, value);
    return true;
}

void ses_up_answer_list_end(struct ses_up_answer *answer)
{
    if (answer->informational || answer->final)
        return;
    answer->final = true;
    answer->passed_over = answer->http_status != 200 || !answer->typed;
}

/* ---- the message -------------------------------------------------------------------------------------- */

static bool take_message(struct ses_up_answer *answer, const struct ses_grpc_message *message)
{
    if (message->compressed)
        return fail(answer, "the answer is compressed, though no compression was offered");
    if (answer->has_message)
        return fail(answer, "the answer has more than one message");
    answer->has_message = true;
    if (ses_buf_append(&answer->message, message->bytes) != SES_OK)
        return fail(answer, "no memory for the answer");
    return true;
}

bool ses_up_answer_data(struct ses_up_answer *answer, struct ses_slice bytes)
{
    struct ses_grpc_message message;
    bool whole = false;

    answer->begun = true;
    if (answer->fault != NULL)
        return false;
    if (answer->passed_over)
        return true;
    do {
        switch (ses_grpc_reader_step(&answer->reader, &bytes, &whole, &message)) {
        case SES_OK:
            break;
        case SES_TOO_LARGE:
            return fail(answer, "the answer is larger than upstream.answer_bytes_max");
        case SES_MALFORMED:
            return fail(answer, "the answer has no message of gRPC in it");
        default:
            return fail(answer, "no memory for the answer");
        }
        if (whole && !take_message(answer, &message))
            return false;
    } while (bytes.len > 0);
    return true;
}

/* ---- the verdict -------------------------------------------------------------------------------------- */

static uint32_t status_of_http(uint32_t http_status)
{
    switch (http_status) {
    case 400:
        return GRPC_INTERNAL;
    case 401:
        return 16;
    case 403:
        return 7;
    case 404:
        return 12;
    case 429:
    case 502:
    case 503:
    case 504:
        return 14;
    default:
        return GRPC_UNKNOWN;
    }
}

static enum ses_upstream_outcome without_status(const struct ses_up_answer *answer, uint32_t *ret_grpc_status,
                                                char ret_why[SES_UPSTREAM_WHY_SIZE])
{
    *ret_grpc_status = answer->http_status == 200 ? GRPC_INTERNAL : status_of_http(answer->http_status);
    if (answer->http_status != 200)
        (void)snprintf(ret_why, SES_UPSTREAM_WHY_SIZE, "the answer is HTTP status %u without a grpc-status",
                       (unsigned)answer->http_status);
    else
        (void)snprintf(ret_why, SES_UPSTREAM_WHY_SIZE, "%s",
                       answer->typed ? "the answer ended without a grpc-status"
                                     : "the answer is not one of gRPC (content-type)");
    return SES_UPSTREAM_UNKNOWN;
}

enum ses_upstream_outcome ses_up_answer_verdict(const struct ses_up_answer *answer, uint32_t *ret_grpc_status,
                                                char ret_why[SES_UPSTREAM_WHY_SIZE])
{
    *ret_grpc_status = GRPC_INTERNAL;
    if (answer->fault != NULL)
        (void)snprintf(ret_why, SES_UPSTREAM_WHY_SIZE, "%s", answer->fault);
    else if (!answer->has_status)
        return without_status(answer, ret_grpc_status, ret_why);
    else if (answer->grpc_status == 0 && (!answer->has_message || ses_grpc_reader_inside(&answer->reader)))
        (void)snprintf(ret_why, SES_UPSTREAM_WHY_SIZE, "the answer is OK and has no whole message");
    else {
        *ret_grpc_status = answer->grpc_status;
        return SES_UPSTREAM_ANSWERED;
    }
    return SES_UPSTREAM_UNKNOWN;
}

static struct ses_slice view(const struct ses_up_answer *answer, struct ses_up_text text)
{
    return ses_slice_cut(ses_buf_view(&answer->texts), text.at, (size_t)text.at + text.len);
}

static struct ses_slice show_message(struct ses_up_answer *answer)
{
    struct ses_slice text = view(answer, answer->grpc_message);
    uint8_t *place = text.len == 0 ? NULL : answer->texts.data + answer->grpc_message.at;

    return text.len == 0 ? text : ses_slice(place, ses_grpc_message_decode(text, place));
}

/* Behind all other texts, which may move them. */
static bool decode_bytes(struct ses_up_answer *answer, struct ses_up_text *text)
{
    size_t room = (size_t)text->len / 4 * 3 + 3;
    size_t len = 0;

    if (ses_buf_reserve(&answer->texts, room) != SES_OK ||
        ses_base64_decode(view(answer, *text), answer->texts.data + answer->texts.len, room, &len) != SES_OK)
        return false;
    *text = (struct ses_up_text){.at = (uint32_t)answer->texts.len, .len = (uint32_t)len};
    answer->texts.len += len;
    return true;
}

/* What says that it is base64 and is none is left out. */
static void decode_fields(struct ses_up_answer *answer)
{
    size_t kept = 0;

    for (size_t i = 0; i < answer->fields_count; i++) {
        struct ses_up_field *field = &answer->fields[i];

        if (!ses_grpc_metadata_is_binary(view(answer, field->name)) || decode_bytes(answer, &field->value))
            answer->fields[kept++] = *field;
    }
    answer->fields_count = kept;
    if (answer->details.len > 0 && !decode_bytes(answer, &answer->details))
        answer->details.len = 0;
}

void ses_up_answer_show(struct ses_up_answer *answer, struct ses_upstream_pair *pairs,
                        struct ses_upstream_answer *ret_shown)
{
    decode_fields(answer);
    for (size_t i = 0; i < answer->fields_count; i++)
        pairs[i] = (struct ses_upstream_pair){view(answer, answer->fields[i].name),
                                              view(answer, answer->fields[i].value)};
    ret_shown->metadata = pairs;
    ret_shown->metadata_count = answer->fields_count;
    ret_shown->grpc_message = show_message(answer);
    ret_shown->details = view(answer, answer->details);
    if (answer->has_status && answer->grpc_status == 0)
        ret_shown->message = ses_buf_view(&answer->message);
}
