/* The title of a process, where the kernel looks for it: in the memory of its arguments (proc(5),
 * /proc/PID/cmdline). */
#include "title.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The one place that the kernel reads; it cannot be passed, it is the process's. */
static struct {
    char *begin;
    size_t bytes;
    char *environment; /* the strings that environ points to */
} title;

/* The end of the strings that follow one another from begin on: arguments, then environment. Only
 * strings that really follow one another: a program that moved its environment before would be
 * overwritten elsewhere. */
static char *end_of(char **strings, char *end)
{
    for (; *strings != NULL && *strings == end; strings++)
        end = *strings + strlen(*strings) + 1;
    return end;
}

/* A copy that lives as long as the process, in one piece that is remembered: a variable that is unset later is no leak
 * then. False: out of memory, everything stays as it was. */
static bool move_environment(void)
{
    size_t count = 0;
    size_t bytes = 0;
    char **copy;
    char *at;

    for (; environ[count] != NULL; count++)
        bytes += strlen(environ[count]) + 1;
    copy = calloc(count + 1, sizeof(*copy));
    at = malloc(bytes + 1);
    if (copy == NULL || at == NULL) {
        free(copy);
        free(at);
        return false;
    }
    title.environment = at;
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(environ[i]) + 1;

        memcpy(at, environ[i], size);
        copy[i] = at;
        at += size;
    }
    environ = copy;
    return true;
}

void ses_title_init(int argc, char **argv)
{
    char *end;

    if (argc < 1)
        return;
    end = end_of(argv, argv[0]);
    end = end_of(environ, end);
    if (!move_environment())
        return;
    title.begin = argv[0];
    title.bytes = (size_t)(end - argv[0]);
}

void ses_title_set(const char *role)
{
    if (title.bytes == 0)
        return;
    memset(title.begin, 0, title.bytes);
    (void)snprintf(title.begin, title.bytes, "sessiond: %s", role);
}
