/* The rules for a head that llhttp has read: what it tells about host, target and framing must be said
 * once and mean one thing. Everything that two parsers in a row could read differently is a fault, even
 * where RFC 9112 allows to be lenient. */
#include "h1.h"

#include <sessiond/base/authority.h>

#define FAULT(status, text)                                                                                  \
    (struct ses_h1_fault)                                                                                    \
    {                                                                                                        \
        status, text                                                                                         \
    }
#define NO_FAULT FAULT(0, NULL)

/* How often the headers occur that decide about framing and routing. */
struct seen {
    unsigned hosts;
    unsigned lengths;
    unsigned codings;
    struct ses_slice host;
    struct ses_slice coding;
    struct ses_slice expect;
};

static bool is_authority(struct ses_slice text)
{
    struct ses_authority authority;

    return ses_authority_parse(text, &authority) == SES_OK;
}

static struct ses_slice target_of(const struct h1 *h1)
{
    return ses_slice(h1->text.data, h1->target_len);
}

/* target: a part of text. Offsets from here on: text moves when the trailers come. */
static void set_path(struct h1 *h1, struct ses_slice target)
{
    size_t mark = ses_slice_find(target, '?');
    size_t query = mark < target.len ? mark + 1 : mark;
    uint32_t at = target.len == 0 ? 0 : (uint32_t)(target.data - h1->text.data);

    h1->target = (struct h1_span){
        .name_at = at,
        .name_len = (uint32_t)mark,
        .value_at = at + (uint32_t)query,
        .value_len = (uint32_t)(target.len - query),
    };
}

/* Either, whatever this connection is: a proxy before us may have ended the TLS. 0: another one. */
static size_t scheme_len(struct ses_slice target)
{
    static const char *const schemes[] = {"http://", "https://"};

    for (size_t i = 0; i < 2; i++) {
        struct ses_slice scheme = ses_slice_str(schemes[i]);

        if (ses_slice_ieq(ses_slice_cut(target, 0, scheme.len), scheme))
            return scheme.len;
    }
    return 0;
}

/* absolute-form (RFC 9112 section 3.2.2), as a proxy may send it. A Host that names something else is
 * refused: two parsers in a row could route by different ones. Without one (HTTP/1.0) nobody would look
 * whether the named host is ours. */
static struct ses_h1_fault check_absolute(struct h1 *h1, const struct seen *seen, struct ses_slice target)
{
    size_t scheme = scheme_len(target);
    struct ses_slice rest, authority;
    size_t end = 0;

    if (scheme == 0)
        return FAULT(400, "the request target is neither a path nor an http URL");
    rest = ses_slice_cut(target, scheme, target.len);
    while (end < rest.len && rest.data[end] != '/' && rest.data[end] != '?')
        end++;
    authority = ses_slice_cut(rest, 0, end);
    if (authority.len == 0 || !is_authority(authority))
        return FAULT(400, "the authority in the request target is malformed");
    if (seen->hosts == 0)
        return FAULT(400, "a URL as the request target and no host header");
    if (!ses_slice_ieq(authority, seen->host))
        return FAULT(400, "host and request target name different authorities");
    set_path(h1, ses_slice_cut(rest, end, rest.len));
    return NO_FAULT;
}

/* origin-form, asterisk-form, absolute-form (RFC 9112, section 3.2); authority-form belongs to CONNECT. */
static struct ses_h1_fault check_target(struct h1 *h1, const struct seen *seen)
{
    struct ses_slice target = target_of(h1);

    if (target.len > 0 && target.data[0] == '/') {
        set_path(h1, target);
        return NO_FAULT;
    }
    if (ses_slice_eq_str(target, "*")) {
        if (h1->parser.method != HTTP_OPTIONS)
            return FAULT(400, "the target * belongs to OPTIONS");
        set_path(h1, target);
        return NO_FAULT;
    }
    return check_absolute(h1, seen, target);
}

/* 501 and not 405 for a method that no path has: RFC 9110, section 15.6.2. */
static struct ses_h1_fault check_line(struct h1 *h1)
{
    if (h1->parser.http_major != 1 || h1->parser.http_minor > 1)
        return FAULT(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    switch (h1->parser.method) {
    case HTTP_HEAD:
        h1->head_method = true;
        return NO_FAULT;
    case HTTP_GET:
    case HTTP_POST:
    case HTTP_PUT:
    case HTTP_DELETE:
    case HTTP_PATCH:
    case HTTP_OPTIONS:
    case HTTP_TRACE:
        return NO_FAULT; /* which of them a path takes is the router's matter: 405 */
    case HTTP_CONNECT:
        return FAULT(501, "CONNECT is not offered: this is no proxy");
    default:
        return FAULT(501, "unknown HTTP method");
    }
}

/* The last value of a repeated header is kept, which does not matter: repetition is a fault. */
static void look_at(struct seen *seen, struct ses_slice name, struct ses_slice value)
{
    if (ses_slice_ieq(name, SES_STR("host"))) {
        seen->hosts++;
        seen->host = value;
    } else if (ses_slice_ieq(name, SES_STR("content-length"))) {
        seen->lengths++;
    } else if (ses_slice_ieq(name, SES_STR("transfer-encoding"))) {
        seen->codings++;
        seen->coding = value;
    } else if (ses_slice_ieq(name, SES_STR("expect"))) {
        seen->expect = value;
    }
}

/* RFC 9112, section 3.2: missing, repeated or malformed is 400. An empty host passes here; whether it
 * is ours is host.c's question. */
static struct ses_h1_fault check_host(const struct h1 *h1, const struct seen *seen)
{
    if (seen->hosts > 1)
        return FAULT(400, "more than one host header");
    if (seen->hosts == 0 && h1->parser.http_minor == 1)
        return FAULT(400, "no host header");
    if (!is_authority(seen->host))
        return FAULT(400, "the host header is malformed");
    return NO_FAULT;
}

/* RFC 9112 section 6.3. */
static struct ses_h1_fault check_framing(struct h1 *h1, const struct seen *seen)
{
    if (seen->codings > 0 && h1->parser.http_minor == 0)
        return FAULT(400, "transfer-encoding in an HTTP/1.0 request");
    if (seen->codings > 0 && seen->lengths > 0)
        return FAULT(400, "content-length beside transfer-encoding");
    if (seen->codings > 1 || (seen->codings == 1 && !ses_slice_ieq(seen->coding, SES_STR("chunked"))))
        return FAULT(400, "transfer-encoding must be chunked and nothing else");
    if (seen->lengths > 1)
        return FAULT(400, "more than one content-length");
    h1->chunked = seen->codings == 1;
    return NO_FAULT;
}

/* RFC 9110 section 10.1.1; from HTTP/1.0 an expectation is ignored. */
static struct ses_h1_fault check_expect(struct h1 *h1, const struct seen *seen)
{
    if (seen->expect.len == 0 || h1->parser.http_minor == 0)
        return NO_FAULT;
    if (!ses_slice_ieq(seen->expect, SES_STR("100-continue")))
        return FAULT(417, "an expectation other than 100-continue");
    h1->expects_continue = h1->chunked || h1->parser.content_length > 0;
    return NO_FAULT;
}

/* The fields are looked at even after a fault in the line; they are in memory, and the order of faults
 * stays fixed. */
struct ses_h1_fault ses_h1_check_head(struct h1 *h1)
{
    struct seen seen = {0};
    struct ses_h1_fault fault = check_line(h1);

    for (size_t i = 0; i < ses_h1_fields_count(h1); i++)
        look_at(&seen, ses_h1_field_name(h1, i), ses_h1_field_value(h1, i));
    if (fault.http_status == 0)
        fault = check_host(h1, &seen);
    if (fault.http_status == 0)
        fault = check_target(h1, &seen);
    if (fault.http_status == 0)
        fault = check_framing(h1, &seen);
    if (fault.http_status == 0)
        fault = check_expect(h1, &seen);
    return fault;
}

struct ses_h1_fault ses_h1_check_trailers(const struct h1 *h1)
{
    static const char *const forbidden[] = {"content-length", "transfer-encoding", "host",      "trailer",
                                            "authorization",  "content-encoding",  "connection"};

    for (size_t i = h1->trailers_from; i < ses_h1_fields_count(h1); i++) {
        for (size_t k = 0; k < sizeof(forbidden) / sizeof(forbidden[0]); k++) {
            if (ses_slice_ieq(ses_h1_field_name(h1, i), ses_slice_str(forbidden[k])))
                return FAULT(400, "a trailer that may only stand in the head");
        }
    }
    return NO_FAULT;
}
