/* The facets: their table unfolded, their canonical values, and the hash and tags of those. What is stored is
 * compared by tag only; the hash is for whoever reads the token.
 */
#include <sessiond/domain/binding.h>

#include <sessiond/base/ascii.h>
#include <sessiond/domain/request.h>

/* Canonical text of all facets: ten names and values, of which accept_language is the longest. */
#define CANONICAL_SIZE 1536
#define NUMBER_SIZE    24

static const struct {
    struct ses_slice name; /* a literal, hence a string too */
    bool hard;
    enum ses_field field;
} facets[SES_FACET_COUNT] = {
#define ROW(name_, hard_, field_) {SES_STR_INIT(#name_), hard_, SES_FIELD_##field_},
    SES_FACET_TABLE(ROW)
#undef ROW
};

const char *ses_facet_name(enum ses_facet facet)
{
    SES_REQUIRE(facet < SES_FACET_COUNT);
    return (const char *)facets[facet].name.data;
}

enum ses_field ses_facet_field(enum ses_facet facet)
{
    SES_REQUIRE(facet < SES_FACET_COUNT);
    return facets[facet].field;
}

uint32_t ses_binding_hard(void)
{
    uint32_t hard = 0;

    for (unsigned i = 0; i < SES_FACET_COUNT; i++)
        hard |= facets[i].hard ? 1u << i : 0u;
    return hard;
}

uint32_t ses_binding_differing(const struct ses_binding *stored, const struct ses_binding *given)
{
    uint32_t differing = 0;

    for (unsigned i = 0; i < SES_FACET_COUNT; i++) {
        if ((stored->facets & given->facets & 1u << i) != 0 && stored->tag[i] != given->tag[i])
            differing |= 1u << i;
    }
    return differing;
}

size_t ses_binding_names(uint32_t bits, char *ret_names)
{
    size_t len = 0;

    for (unsigned i = 0; i < SES_FACET_COUNT; i++) {
        struct ses_slice name = facets[i].name;

        if ((bits & 1u << i) == 0)
            continue;
        SES_REQUIRE(len + 1 + name.len < SES_BINDING_NAMES_SIZE);
        if (len > 0)
            ret_names[len++] = ' ';
        memcpy(ret_names + len, name.data, name.len);
        len += name.len;
    }
    ret_names[len] = '\0';
    return len;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* From the end of room backwards; the view lies somewhere in it. */
static struct ses_slice number_text(int64_t value, char *room)
{
    char *end = room + NUMBER_SIZE;
    char *at = end;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        *--at = '-';
    return ses_slice(at, (size_t)(end - at));
}

static struct ses_slice lower_text(struct ses_slice text, char *room, size_t room_size)
{
    SES_REQUIRE(text.len <= room_size); /* ses_request_check bounds os_type */
    for (size_t i = 0; i < text.len; i++)
        room[i] = (char)ses_ascii_lower(text.data[i]);
    return ses_slice(room, text.len);
}

#define ROOM_SIZE (SES_IP_PREFIX_SIZE + SES_OS_TYPE_BYTES_MAX)

struct agent {
    struct ses_slice family;
    struct ses_slice version;
};

/* The facet's canonical value; empty: the facet is absent. */
static struct ses_slice facet_value(enum ses_facet facet, const struct ses_session_request *request,
                                    const struct agent *agent, char *room)
{
    enum ses_field field = facets[facet].field;

    switch (facet) {
    case SES_FACET_os_type:
        return lower_text(request->text[field], room, ROOM_SIZE);
    case SES_FACET_user_agent_family:
        return agent->family;
    case SES_FACET_user_agent_version:
        return agent->version;
    case SES_FACET_ip_prefix:
        return ses_ip_prefix(request->text[field], room) ? ses_slice_str(room) : SES_SLICE_EMPTY;
    case SES_FACET_accept_language:
        return request->text[field];
    case SES_FACET_java_enabled:
        return request->number[field - SES_FIELD_TEXTS] != 0 ? SES_STR("true") : SES_STR("false");
    default:
        return number_text(request->number[field - SES_FIELD_TEXTS], room);
    }
}

static size_t append(char *text, size_t len, struct ses_slice bytes)
{
    /* About 950 by the limits of request.c and user_agent.c. */
    SES_REQUIRE(len + bytes.len <= CANONICAL_SIZE);
    if (bytes.len > 0)
        memcpy(text + len, bytes.data, bytes.len);
    return len + bytes.len;
}

void ses_binding_take(const struct ses_tag_key *key, const struct ses_session_request *request,
                      struct ses_binding *ret_binding)
{
    char canonical[CANONICAL_SIZE];
    char room[ROOM_SIZE];
    struct agent agent = {SES_SLICE_EMPTY, SES_SLICE_EMPTY};
    size_t len = 0;

    if ((request->present & SES_FIELD_BIT(SES_FIELD_USER_AGENT)) != 0)
        ses_user_agent_parse(request->text[SES_FIELD_USER_AGENT], &agent.family, &agent.version);
    ret_binding->facets = 0;
    for (unsigned i = 0; i < SES_FACET_COUNT; i++) {
        struct ses_slice value;

        if ((request->present & SES_FIELD_BIT(facets[i].field)) == 0)
            continue;
        value = facet_value((enum ses_facet)i, request, &agent, room);
        if (value.len == 0)
            continue;
        ret_binding->facets |= 1u << i;
        ret_binding->tag[i] = ses_tag(key, value);
        len = append(canonical, len, facets[i].name);
        len = append(canonical, len, SES_STR("="));
        len = append(canonical, len, value);
        len = append(canonical, len, SES_STR("\n"));
    }
    if (ret_binding->facets != 0)
        ses_hash(SES_SLICE_EMPTY, ses_slice(canonical, len), ret_binding->hash);
}
