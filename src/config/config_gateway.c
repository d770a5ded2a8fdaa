/* What of the section upstream is about the calls that pass to the server: which, whose, and what comes back. */
#include "config_loader.h"

#include <string.h>

#include <sessiond/domain/gateway_methods.h>

static const char *const known[SES_GATEWAY_METHODS] = {
#define NAME(name, text) text,
    SES_GATEWAY_METHOD_TABLE(NAME)
#undef NAME
};

static enum ses_status read_methods(const struct loader *loader, const struct ses_raw_upstream *raw)
{
    struct ses_config_upstream *upstream = &loader->config->upstream;

    upstream->methods = raw->methods_count == 0 ? (1u << SES_GATEWAY_METHODS) - 1 : 0;
    for (unsigned i = 0; i < raw->methods_count; i++) {
        struct value value = {.text = raw->methods[i], .key = "upstream.methods"};
        size_t at = 0;

        while (at < SES_GATEWAY_METHODS && strcmp(known[at], value.text) != 0)
            at++;
        if (at == SES_GATEWAY_METHODS)
            return ses_config_refuse(
                loader, &value,
                "each entry must be a method that can pass through, as "
                "types.PaymentService/Authorize (deploy/sessiond.example.yaml lists them)");
        upstream->methods |= 1u << at;
    }
    return SES_OK;
}

static enum ses_status read_word(const struct loader *loader, const char *key, const char *text,
                                 const char *const names[2], const char *what, bool *ret_second)
{
    struct value value = {.text = text, .key = key};
    unsigned choice = 0;

    if (text != NULL)
        SES_TRY(ses_config_read_choice(loader, &value, names, 2, what, &choice));
    *ret_second = choice == 1;
    return SES_OK;
}

enum ses_status ses_config_read_gateway(const struct loader *loader, const struct ses_raw_upstream *raw)
{
    static const char *const sessions[] = {"optional", "required"};
    static const char *const raws[] = {"drop", "allow"};
    struct ses_config_upstream *upstream = &loader->config->upstream;

    SES_TRY(read_methods(loader, raw));
    SES_TRY(read_word(loader, "upstream.session", raw->session, sessions, "must be optional or required",
                      &upstream->session_required));
    return read_word(loader, "upstream.raw", raw->raw, raws, "must be drop or allow", &upstream->raw);
}
