/* binding.h - what ties a session to one browser.
 *
 * Facets are what is compared: some browser fields as they are, some reduced to what does not change within a
 * visit. Hard ones do not change at all for one browser on one screen; soft ones drift (a phone changes
 * networks, a browser updates itself). accept_header and referer are never bound: they differ between a page
 * load and a script's request.
 *
 * Hash of a binding (the token's `bih`), reproducible by anyone who has the browser's values: BLAKE2b-256
 * over the facets present, in the order of enum ses_facet, each as  name '=' value '\n'.  Values:
 *   numbers                                 in decimal
 *   booleans                                true or false
 *   os_type                                 in lower case (ASCII)
 *   user_agent_family, user_agent_version   as ses_user_agent_parse gives them
 *   ip_prefix                               "203.0.113.0/24" or "2001:db8:1::/48"
 *   accept_language                         unchanged
 * No value can hold a line break. The names of the facets present, in the same order, joined by one space,
 * are the token's `bnd`.
 *
 * A stored binding holds a keyed tag per facet instead of the value: no address and no user agent is kept.
 */
#ifndef SESSIOND_DOMAIN_BINDING_H
#define SESSIOND_DOMAIN_BINDING_H

#include <sessiond/domain/fingerprint.h>

/* clang-format off */
/*  name, hard, the request field it comes from. The order is stored and hashed: append, never reorder. */
#define SES_FACET_TABLE(X)                                                                                   \
    X(color_depth, true, COLOR_DEPTH)                                                                        \
    X(screen_height, true, SCREEN_HEIGHT)                                                                    \
    X(screen_width, true, SCREEN_WIDTH)                                                                      \
    X(java_enabled, true, JAVA_ENABLED)                                                                      \
    X(time_zone_offset_minutes, true, TIME_ZONE_OFFSET)                                                      \
    X(os_type, true, OS_TYPE)                                                                                \
    X(user_agent_family, true, USER_AGENT)                                                                   \
    X(ip_prefix, false, IP_ADDRESS)                                                                          \
    X(accept_language, false, ACCEPT_LANGUAGE)                                                               \
    X(user_agent_version, false, USER_AGENT)

enum ses_facet {
#define SES_FACET_ENUM(name, hard, field) SES_FACET_##name,
    SES_FACET_TABLE(SES_FACET_ENUM)
#undef SES_FACET_ENUM
    SES_FACET_COUNT
};
/* clang-format on */

struct ses_binding {
    uint32_t facets; /* bits of those present; 0: not bound */
    uint64_t tag[SES_FACET_COUNT];
    uint8_t hash[SES_HASH_BYTES]; /* bih; valid when facets is not 0 */
};

struct ses_session_request;

/* [any] From a request that ses_request_check has passed. */
void ses_binding_take(const struct ses_tag_key *key, const struct ses_session_request *request,
                      struct ses_binding *ret_binding);
/* [any] Bits of the facets that both have and that differ. */
uint32_t ses_binding_differing(const struct ses_binding *stored, const struct ses_binding *given);
/* [any] Bits of the hard facets. */
uint32_t ses_binding_hard(void);
const char *ses_facet_name(enum ses_facet facet);
enum ses_field ses_facet_field(enum ses_facet facet);

/* How a browser that differs is treated; numbers are public. */
enum ses_binding_mode {
    SES_BINDING_DEFAULT = 0, /* enforce */
    SES_BINDING_OBSERVE = 1,
    SES_BINDING_STEP_UP = 2,
    SES_BINDING_ENFORCE = 3,
    SES_BINDING_MODE_COUNT
};

/* How a browser is treated that does not tell a hard facet to which the session is bound; numbers are
 * public. */
enum ses_binding_missing {
    SES_BINDING_MISSING_DEFAULT = 0, /* allow */
    SES_BINDING_MISSING_ALLOW = 1,
    SES_BINDING_MISSING_REFUSE = 2 /* as one that differs, in the mode's way */
};

struct ses_binding_policy {
    enum ses_binding_mode mode;
    enum ses_binding_missing missing;
};

enum ses_binding_result {
    SES_BINDING_NOT_COMPARED = 1, /* no facet is known on both sides */
    SES_BINDING_MATCH = 2,
    SES_BINDING_DRIFT = 3,       /* soft facets only */
    SES_BINDING_MISMATCH = 4,    /* a hard one, under observe */
    SES_BINDING_ASK_STEP_UP = 5, /* a hard one, or every soft one, under step_up */
    SES_BINDING_REFUSED = 6      /* a hard one, under enforce; never sent */
};

struct ses_binding_verdict {
    enum ses_binding_mode mode;
    enum ses_binding_missing missing_policy;
    enum ses_binding_result result;
    uint32_t hard; /* bits of enum ses_facet that differ */
    uint32_t soft;
    uint32_t missing;     /* hard ones that the session is bound to and this browser did not tell */
    unsigned drift_score; /* 0 .. 100 */
};

/* [any] Would this policy refuse a browser that lacks a hard facet? Under enforce only. */
bool ses_binding_refuses_missing(const struct ses_binding_policy *policy);
/* [any] Soft drift alone is never refused: a phone changes networks, a browser updates itself. Weights:
 * ip_prefix 40, accept_language 40, user_agent_version 20. */
void ses_binding_judge(const struct ses_binding_policy *policy, const struct ses_binding *stored,
                       const struct ses_binding *given, struct ses_binding_verdict *ret_verdict);

#define SES_BINDING_NAMES_SIZE 192
/* [any] The names joined by one space, NUL-terminated, into ret_names[SES_BINDING_NAMES_SIZE]; returns the
 * length. */
size_t ses_binding_names(uint32_t facets, char *ret_names);

/* [any] Family and version of a user agent, e.g. "chrome" and "120.0.6099.71". A browser that is not among
 * the known ones is the product that the text begins with ("curl" and "8.5.0"). Views into text or literals;
 * the version may be empty. */
void ses_user_agent_parse(struct ses_slice user_agent, struct ses_slice *ret_family,
                          struct ses_slice *ret_version);

#define SES_IP_PREFIX_SIZE 52
/* [any] IPv4: the first 24 bits, IPv6: the first 48; an IPv4 address mapped into IPv6 counts as IPv4. Text
 * into ret_prefix[SES_IP_PREFIX_SIZE]. False: not an address. */
bool ses_ip_prefix(struct ses_slice address, char *ret_prefix);

#endif
