/* Family and version of a browser, by the "product/version" words of RFC 9110 section 10.1.5. The table is in
 * the order of preference; a text is searched for all of it in one pass.
 */
#include <sessiond/domain/binding.h>

/* The foremost of them that a text names counts: nearly every browser also claims to be Chrome, Safari and
 * Mozilla. */
static const struct {
    struct ses_slice product;
    struct ses_slice family;
} browsers[] = {
    {SES_STR_INIT("EdgA"), SES_STR_INIT("edge")},
    {SES_STR_INIT("EdgiOS"), SES_STR_INIT("edge")},
    {SES_STR_INIT("Edg"), SES_STR_INIT("edge")},
    {SES_STR_INIT("Edge"), SES_STR_INIT("edge")},
    {SES_STR_INIT("OPR"), SES_STR_INIT("opera")},
    {SES_STR_INIT("Opera"), SES_STR_INIT("opera")},
    {SES_STR_INIT("SamsungBrowser"), SES_STR_INIT("samsung")},
    {SES_STR_INIT("FxiOS"), SES_STR_INIT("firefox")},
    {SES_STR_INIT("Firefox"), SES_STR_INIT("firefox")},
    {SES_STR_INIT("CriOS"), SES_STR_INIT("chrome")},
    {SES_STR_INIT("HeadlessChrome"), SES_STR_INIT("chrome")},
    {SES_STR_INIT("Chromium"), SES_STR_INIT("chrome")},
    {SES_STR_INIT("Chrome"), SES_STR_INIT("chrome")},
    {SES_STR_INIT("Trident"), SES_STR_INIT("ie")},
    {SES_STR_INIT("Version"), SES_STR_INIT("safari")},
};

#define BROWSERS (sizeof(browsers) / sizeof(browsers[0]))

/* Longest family or version that is looked at; real ones stay below 20. */
#define PART_BYTES_MAX 64

static bool ends_part(uint8_t c)
{
    return c == ' ' || c == ';' || c == ')' || c == '(' || c == ',' || c == '/';
}

static struct ses_slice take_part(struct ses_slice text)
{
    size_t len = 0;

    while (len < text.len && len < PART_BYTES_MAX && !ends_part(text.data[len]))
        len++;
    return ses_slice_cut(text, 0, len);
}

/* The first at or behind from; text.len: there is none. */
static size_t find_slash(struct ses_slice text, size_t from)
{
    return from + ses_slice_find(ses_slice_cut(text, from, text.len), '/');
}

/* Row of the product that ends at text[end], BROWSERS if it is none of them. The whole word must be the
 * product: "Edge" is not "Edg". */
static size_t find_browser(struct ses_slice text, size_t end)
{
    size_t start = end;
    struct ses_slice word;

    while (start > 0 && !ends_part(text.data[start - 1]))
        start--;
    word = ses_slice(text.data + start, end - start);
    for (size_t i = 0; i < BROWSERS; i++) {
        if (ses_slice_eq(word, browsers[i].product))
            return i;
    }
    return BROWSERS;
}

static void parse_unknown(struct ses_slice user_agent, struct ses_slice *ret_family,
                          struct ses_slice *ret_version)
{
    struct ses_slice rest;

    *ret_family = take_part(user_agent);
    rest = ses_slice_cut(user_agent, ret_family->len, user_agent.len);
    *ret_version =
        rest.len > 0 && rest.data[0] == '/' ? take_part(ses_slice_cut(rest, 1, rest.len)) : SES_SLICE_EMPTY;
}

void ses_user_agent_parse(struct ses_slice user_agent, struct ses_slice *ret_family,
                          struct ses_slice *ret_version)
{
    size_t best = BROWSERS;
    size_t best_end = 0;

    for (size_t end = find_slash(user_agent, 0); end < user_agent.len;
         end = find_slash(user_agent, end + 1)) {
        size_t row = find_browser(user_agent, end);

        if (row < best) {
            best = row;
            best_end = end;
        }
    }
    if (best == BROWSERS) {
        parse_unknown(user_agent, ret_family, ret_version);
        return;
    }
    *ret_family = browsers[best].family;
    *ret_version = take_part(ses_slice_cut(user_agent, best_end + 1, user_agent.len));
}
