/* How every command speaks: answers to stdout, whole or not at all, complaints to stderr, one line
 * each. */
#include "ctl.h"

#include <stdarg.h>
#include <stdio.h>

/* All complaints go to stderr; stdout carries answers only. */
int ctl_fail(const char *format, ...)
{
    va_list args;

    (void)fputs("sessiondctl: ", stderr);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return CTL_FAILED;
}

int ctl_fail_fault(const struct ses_fault *fault)
{
    return ctl_fail("%s", fault->text);
}

bool ctl_path(const struct ctl *ctl, const char *tail, char ret_path[CTL_PATH_SIZE])
{
    int len = snprintf(ret_path, CTL_PATH_SIZE, "%s/%s", ctl->data, tail);

    if (len >= 0 && len < CTL_PATH_SIZE)
        return true;
    (void)ctl_fail("the path of the data directory is too long");
    return false;
}

/* A JSON value that could not be made is NULL (out of memory): told as a failed answer. */
int ctl_print_json(json_t *value, bool indent, int exit_code)
{
    size_t flags = JSON_ENSURE_ASCII | JSON_ENCODE_ANY | (indent ? JSON_INDENT(2) : JSON_COMPACT);
    int failed = value == NULL ? -1 : json_dumpf(value, stdout, flags);

    json_decref(value);
    if (failed != 0 || putchar('\n') == EOF)
        return ctl_fail("cannot write the answer");
    return exit_code;
}
