/* The words are said here and nowhere else: the file's reader, sessiondctl and refusals take them from here. */
#include <sessiond/caller/right.h>

const struct ses_caller_word ses_right_words[SES_RIGHT_WORDS] = {
    {SES_STR_INIT("create"), SES_RIGHT_CREATE},
    {SES_STR_INIT("continue"), SES_RIGHT_CONTINUE},
    {SES_STR_INIT("webhook"), SES_RIGHT_WEBHOOK},
    {SES_STR_INIT("operate"), SES_RIGHT_OPERATE},
};

const struct ses_caller_word ses_caller_mode_words[SES_CALLER_MODE_WORDS] = {
    {SES_STR_INIT("test"), SES_CALLER_TEST},
    {SES_STR_INIT("live"), SES_CALLER_LIVE},
};

unsigned ses_caller_word_bit(const struct ses_caller_word *words, size_t count, struct ses_slice text)
{
    for (size_t i = 0; i < count; i++) {
        if (ses_slice_eq(words[i].text, text))
            return words[i].bit;
    }
    return 0;
}

size_t ses_caller_words_text(const struct ses_caller_word *words, size_t count, unsigned bits,
                             char ret_text[SES_RIGHTS_TEXT_SIZE])
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        struct ses_slice word = words[i].text;

        if ((bits & words[i].bit) == 0)
            continue;
        SES_REQUIRE(len + word.len + 3 <= SES_RIGHTS_TEXT_SIZE);
        if (len > 0) {
            ret_text[len++] = ',';
            ret_text[len++] = ' ';
        }
        memcpy(ret_text + len, word.data, word.len);
        len += word.len;
    }
    ret_text[len] = '\0';
    return len;
}
