/* One caller by itself. */
#include <sessiond/caller/callers.h>

const char *ses_caller_identity_name(enum ses_caller_identity kind)
{
    static const char *const names[SES_CALLER_IDENTITY_COUNT] = {
        [SES_CALLER_THUMBPRINT] = "thumbprint",
        [SES_CALLER_DNS] = "dns",
        [SES_CALLER_URI] = "uri",
        [SES_CALLER_SUBJECT] = "subject",
    };

    return names[kind];
}

bool ses_caller_name_check(struct ses_slice name)
{
    if (name.len == 0 || name.len > SES_CALLER_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

bool ses_caller_places_have(const struct ses_caller_places *places, struct ses_slice name)
{
    if (places->any)
        return true;
    for (size_t i = 0; i < places->count; i++) {
        if (ses_slice_eq(places->names[i], name))
            return true;
    }
    return false;
}
