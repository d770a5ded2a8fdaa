/* Who is behind a trusted proxy, by the header that it sets.
 *
 * A chain of addresses grows at its end: each proxy adds whom it was called by. So it is read from the end, and as long
 * as what it names is a trusted proxy itself, one further; the first that is none is the client, and whatever stands
 * before it is what that client wrote. A text that is no address ends the walk: the last that was good is the peer.
 *
 * Sources: RFC 7239 section 4 and 6 (Forwarded; an address may be quoted, bracketed, have a port, be "unknown" or
 * obfuscated); X-Forwarded-For is defined by nobody, and is a list of addresses everywhere.
 */
#include "proxy.h"

#include <sessiond/base/parameter.h>

/* One proxy adds one; longer chains are not walked to their beginning. */
#define HOPS_MAX 16u

/* "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711". */
static bool address_of(struct ses_slice text, struct ses_peer *ret_peer)
{
    size_t colon = ses_slice_find(text, ':');
    struct ses_slice host = text, port = SES_SLICE_EMPTY;
    struct ses_ip ip;
    uint64_t number = 0;

    if (text.len > 0 && text.data[0] == '[') {
        size_t bracket = ses_slice_find(text, ']');

        host = ses_slice_cut(text, 1, bracket);
        port = ses_slice_cut(text, bracket + 1, text.len);
        if (bracket == text.len || (port.len > 0 && port.data[0] != ':'))
            return false;
        port = ses_slice_cut(port, 1, port.len);
    } else if (colon < text.len &&
               ses_slice_find(ses_slice_cut(text, colon + 1, text.len), ':') == text.len - colon - 1) {
        host = ses_slice_cut(text, 0, colon);
        port = ses_slice_cut(text, colon + 1, text.len);
    }
    if (ses_ip_parse(host, &ip) != SES_OK ||
        (port.len > 0 && ses_parse_u64(port, UINT16_MAX, &number) != SES_OK))
        return false;
    *ret_peer = ses_peer_of_ip(&ip, (uint16_t)number);
    return true;
}

/* Takes the last element off the list. A comma or semicolon within quotes is in no address either: the halves are no
 * addresses then, and the walk ends. */
static struct ses_slice take_last(struct ses_slice *list)
{
    size_t at = list->len;
    struct ses_slice last;

    while (at > 0 && list->data[at - 1] != ',')
        at--;
    last = ses_slice_trim(ses_slice_cut(*list, at, list->len));
    *list = ses_slice_cut(*list, 0, at > 0 ? at - 1 : 0);
    return last;
}

/* Several header lines are one list (RFC 9110 section 5.3): the last line's end is the list's. */
struct walk {
    const struct ses_proxies *proxies;
    struct ses_peer peer; /* the last that was good */
    unsigned hops;
    bool over;
};

static void walk_line(struct walk *walk, struct ses_slice line)
{
    bool rfc_7239 = walk->proxies->forwarded == SES_FORWARDED_RFC_7239;

    while (line.len > 0 && !walk->over) {
        struct ses_slice element = take_last(&line);
        struct ses_slice text = rfc_7239 ? ses_parameter_find(element, SES_STR("for")) : element;
        struct ses_peer peer;

        if (element.len == 0)
            continue;
        if (!address_of(text, &peer)) {
            walk->over = true;
            return;
        }
        walk->peer = peer;
        walk->over = ++walk->hops == HOPS_MAX || !ses_proxy_is_trusted(walk->proxies, &peer);
    }
}

bool ses_forwarded_find(const struct ses_proxies *proxies, const struct ses_header *headers, size_t count,
                        struct ses_peer *ret_peer)
{
    struct ses_slice name =
        proxies->forwarded == SES_FORWARDED_RFC_7239 ? SES_STR("forwarded") : SES_STR("x-forwarded-for");
    struct walk walk = {.proxies = proxies};

    for (size_t i = count; i > 0 && !walk.over; i--) {
        if (ses_slice_eq(headers[i - 1].name, name))
            walk_line(&walk, headers[i - 1].value);
    }
    if (walk.hops > 0)
        *ret_peer = walk.peer;
    return walk.hops > 0;
}

static void set_source(struct ses_exchange *x, const struct ses_peer *peer)
{
    x->source = peer->ip;
    x->source_known = peer->known;
}

void ses_forwarded_settle(const struct ses_doors *doors, struct ses_exchange *x, const struct ses_conn *conn)
{
    const struct ses_proxies *proxies = &doors->options.proxies;
    struct ses_peer peer;
    const char *text;

    if (conn == NULL) /* an engine on memory: nobody is there */
        return;
    if (!ses_proxy_is_trusted(proxies, ses_conn_peer(conn))) {
        set_source(x, ses_conn_peer(conn));
        return;
    }
    if (proxies->forwarded == SES_FORWARDED_NONE ||
        !ses_forwarded_find(proxies, x->headers, x->headers_count, &peer))
        return;
    set_source(x, &peer);
    text = ses_arena_str(&x->arena, ses_slice_str(peer.text));
    if (text != NULL) /* out of memory: the proxy's own address stays */
        x->peer = text;
}
