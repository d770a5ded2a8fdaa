#include <sessiond/domain/binding.h>

/* In the order of search: nearly every browser also claims to be Chrome, Safari and Mozilla. */
static const struct {
    struct ses_slice token;
    struct ses_slice family;
} browsers[] = {
    {SES_STR_INIT("EdgA/"), SES_STR_INIT("edge")},
    {SES_STR_INIT("EdgiOS/"), SES_STR_INIT("edge")},
    {SES_STR_INIT("Edg/"), SES_STR_INIT("edge")},
    {SES_STR_INIT("Edge/"), SES_STR_INIT("edge")},
    {SES_STR_INIT("OPR/"), SES_STR_INIT("opera")},
    {SES_STR_INIT("Opera/"), SES_STR_INIT("opera")},
    {SES_STR_INIT("SamsungBrowser/"), SES_STR_INIT("samsung")},
    {SES_STR_INIT("FxiOS/"), SES_STR_INIT("firefox")},
    {SES_STR_INIT("Firefox/"), SES_STR_INIT("firefox")},
    {SES_STR_INIT("CriOS/"), SES_STR_INIT("chrome")},
    {SES_STR_INIT("HeadlessChrome/"), SES_STR_INIT("chrome")},
    {SES_STR_INIT("Chromium/"), SES_STR_INIT("chrome")},
    {SES_STR_INIT("Chrome/"), SES_STR_INIT("chrome")},
    {SES_STR_INIT("Trident/"), SES_STR_INIT("ie")},
    {SES_STR_INIT("Version/"), SES_STR_INIT("safari")},
};

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

static size_t find(struct ses_slice text, struct ses_slice token)
{
    const uint8_t *hit = text.len == 0 ? NULL : memmem(text.data, text.len, token.data, token.len);

    return hit == NULL ? text.len : (size_t)(hit - text.data);
}

void ses_user_agent_parse(struct ses_slice user_agent, struct ses_slice *ret_family,
                          struct ses_slice *ret_version)
{
    struct ses_slice rest;

    for (size_t i = 0; i < sizeof(browsers) / sizeof(browsers[0]); i++) {
        size_t at = find(user_agent, browsers[i].token);

        if (at < user_agent.len) {
            *ret_family = browsers[i].family;
            *ret_version = take_part(ses_slice_cut(user_agent, at + browsers[i].token.len, user_agent.len));
            return;
        }
    }
    *ret_family = take_part(user_agent);
    rest = ses_slice_cut(user_agent, ret_family->len, user_agent.len);
    *ret_version =
        rest.len > 0 && rest.data[0] == '/' ? take_part(ses_slice_cut(rest, 1, rest.len)) : SES_SLICE_EMPTY;
}
