/* A running server in a screenful, again and again: by the admin port and none from shared memory, so that any version can
 * ask any other. On a terminal the picture is drawn over itself once a second, until it is interrupted; elsewhere, and with
 * --once, once.
 */
#include "ctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "http_get.h"
#include "status_table.h"

#define EVERY_MS     1000
#define SCREEN_MAX   (256 * SES_KIB)
#define CLEAR        "\033[H\033[2J"
#define HOME         "\033[H"
#define REST_OF_LINE "\033[K"
#define REST_OF_ALL  "\033[J"

/* NULL after saying why on stderr: no answer, or one of a server before it told its status so. */
static json_t *look(const char *admin)
{
    json_t *answer = NULL;
    struct ses_buf body;
    long status;

    ses_buf_init(&body, CTL_HTTP_BODY_MAX);
    status = ctl_http_get(admin, "/status.json", &body);
    if (status == 200)
        answer = json_loadb((const char *)body.data, body.len, 0, NULL);
    if (status != 0 && !json_is_object(answer))
        (void)ctl_fail("%s: no status in the answer (HTTP %ld); a server of an earlier version?", admin,
                       status);
    ses_buf_done(&body);
    if (json_is_object(answer))
        return answer;
    json_decref(answer);
    return NULL;
}

/* Good means alive and ready: a draining or poisoned server answers, but monitoring should see it. */
static int code_of(const json_t *status)
{
    return json_is_true(json_object_get(status, "ready")) ? CTL_DONE : CTL_FAILED;
}

static void rest(void)
{
    struct timespec time = {.tv_sec = EVERY_MS / 1000, .tv_nsec = EVERY_MS % 1000 * 1000000L};

    (void)nanosleep(&time, NULL);
}

/* Drawn over the last picture line by line: one that is wiped first flickers. */
static void draw_over(struct ses_slice text)
{
    (void)printf(HOME);
    while (text.len > 0) {
        size_t end = ses_slice_find(text, '\n');

        (void)printf("%.*s" REST_OF_LINE "\n", (int)end, (const char *)text.data);
        text = ses_slice_cut(text, end + 1, text.len);
    }
    (void)printf(REST_OF_ALL);
}

/* Whole or not at all. */
static int show(const json_t *now, const json_t *before, const struct ctl_look *how, bool live)
{
    struct ses_buf screen;
    enum ses_status status;

    ses_buf_init(&screen, SCREEN_MAX);
    status = ctl_status_table(now, before, how, &screen);
    if (status == SES_OK && live)
        draw_over(ses_buf_view(&screen));
    else if (status == SES_OK)
        (void)printf("%.*s", (int)screen.len, (const char *)screen.data);
    ses_buf_done(&screen);
    if (status != SES_OK || fflush(stdout) != 0)
        return ctl_fail("cannot show the status: %s", ses_status_name(status));
    return CTL_DONE;
}

/* Two looks, for the rates of the second between them. */
static int show_once(const struct ctl *ctl)
{
    const struct ctl_look how = {.columns = 0, .colours = false};
    json_t *before = look(ctl->admin);
    json_t *now;
    int code;

    if (before == NULL)
        return CTL_FAILED;
    rest();
    now = look(ctl->admin);
    if (now == NULL) {
        json_decref(before);
        return CTL_FAILED;
    }
    code = show(now, before, &how, false) == CTL_DONE ? code_of(now) : CTL_FAILED;
    json_decref(before);
    json_decref(now);
    return code;
}

static unsigned terminal_columns(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

/* What cannot be asked stays on the screen, under the reason. */
static int show_live(const struct ctl *ctl)
{
    const char *no_colour = getenv("NO_COLOR"); /* no-color.org */
    struct ctl_look how = {.colours = no_colour == NULL || no_colour[0] == '\0'};
    json_t *before = look(ctl->admin);
    int code = before == NULL ? CTL_FAILED : CTL_DONE;

    (void)printf(CLEAR);
    while (code == CTL_DONE) {
        json_t *now;

        rest();
        now = look(ctl->admin);
        if (now == NULL)
            continue;
        how.columns = terminal_columns();
        code = show(now, before, &how, true);
        json_decref(before);
        before = now;
    }
    json_decref(before);
    return code;
}

/* --json: what the server tells, as it is; rates are the reader's to make. */
int ctl_status(const struct ctl *ctl)
{
    json_t *answer;
    int code;

    if (!ctl->json)
        return ctl->once || isatty(STDOUT_FILENO) != 1 ? show_once(ctl) : show_live(ctl);
    answer = look(ctl->admin);
    if (answer == NULL)
        return CTL_FAILED;
    code = code_of(answer);
    return ctl_print_json(answer, true, code);
}
