/* When sessiond's own time is looked at, kept and told; what it is, is base/clock.h's. */
#include "timekeeper.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <sessiond/base/clock_file.h>
#include <sessiond/base/rfc3339.h>

#define LOOK_MS 1000

/* A file that cannot be written is told once, not every minute: the server is none the worse for it
 * until the machine boots again. The present file goes first: it is never behind the former one. */
void ses_timekeeper_keep(struct ses_timekeeper *keeper)
{
    const char *path = keeper->layout->clock;
    struct ses_clock_state state;
    enum ses_status status;

    ses_clock_state(&state);
    status = ses_clock_file_write(path, &state);
    if (status == SES_OK && keeper->former) {
        path = keeper->layout->former_clock;
        status = ses_clock_file_write(path, &state);
    }
    if (status != SES_OK && !keeper->failed)
        ses_log_msg(keeper->log, SES_LOG_WARN, "clock_not_kept", "%s cannot be written: %s", path,
                    ses_status_name(status));
    keeper->failed = status != SES_OK;
    keeper->kept_steps = state.steps;
}

void ses_timekeeper_keep_steps(struct ses_timekeeper *keeper)
{
    if (ses_clock_steps() != keeper->kept_steps)
        ses_timekeeper_keep(keeper);
}

/* before_ms is taken before the step is noticed; from it and by_ms the line tells the moment that the
 * clock was set from. */
static void look(struct ses_timekeeper *keeper)
{
    uint64_t before_ms = ses_clock_to_wall(ses_clock_now_ms());
    char text[SES_RFC3339_SIZE];
    struct ses_log_line line;
    int64_t by_ms;

    if (keeper->follows ? !ses_clock_follow(&by_ms) : !ses_clock_notice(&by_ms))
        return;
    ses_log_begin(keeper->log, SES_LOG_WARN, "clock_stepped", &line);
    ses_rfc3339_encode(keeper->follows ? before_ms : ses_clock_shift(before_ms, -by_ms), text);
    ses_log_str(&line, "from", text);
    ses_log_i64(&line, "by_ms", by_ms);
    ses_log_i64(&line, "ahead_ms", ses_clock_ahead_ms());
    ses_log_str(&line, "message",
                keeper->follows
                    ? "the machine's clock was set; sessiond's time, shared with other machines, follows it"
                    : "the machine's clock was set; sessions live on by sessiond's own time");
    ses_log_end(&line);
}

void ses_timekeeper_tick(struct ses_timekeeper *keeper, uint64_t mono_ms)
{
    if (mono_ms - keeper->looked_ms < LOOK_MS)
        return;
    keeper->looked_ms = mono_ms;
    look(keeper);
}

/* found: what sessiond's time goes on from lies in the other one. */
static void tell_damage(const struct ses_timekeeper *keeper, const char *path, bool found)
{
    struct ses_clock_state state;
    bool same_boot;
    enum ses_status status = ses_clock_file_read(path, &state, &same_boot);

    if (status != SES_OK && status != SES_NOT_FOUND)
        ses_log_msg(keeper->log, SES_LOG_WARN, "clock_unreadable", "%s: %s; %s", path,
                    ses_status_name(status),
                    found ? "the other file of sessiond's own time is taken"
                          : "sessiond's own time begins anew with the machine's clock");
}

static void log_start(const struct ses_timekeeper *keeper, bool found, enum ses_clock_origin origin)
{
    static const char *const origins[SES_CLOCK_ORIGIN_COUNT] = {"world", "kept", "resumed"};
    struct ses_log_line line;

    tell_damage(keeper, keeper->layout->clock, found);
    tell_damage(keeper, keeper->layout->former_clock, found);
    ses_log_begin(keeper->log, SES_LOG_INFO, "clock_started", &line);
    ses_log_str(&line, "from", origins[origin]);
    ses_log_i64(&line, "ahead_ms", ses_clock_ahead_ms());
    ses_log_end(&line);
}

enum ses_status ses_timekeeper_start(struct ses_timekeeper *keeper, const struct ses_layout *layout,
                                     struct ses_log *log, bool follows, struct ses_fault *ret_fault)
{
    const char *name;
    struct ses_clock_state last;
    enum ses_clock_origin origin;
    bool same_boot = false;
    bool found = !follows && ses_clock_file_find(layout->dir, &name, &last, &same_boot) == SES_OK;

    *keeper = (struct ses_timekeeper){.layout = layout, .log = log, .follows = follows, .former = true};
    if (ses_clock_start(found ? &last : NULL, same_boot, &origin) != SES_OK)
        return ses_fault(ret_fault, SES_NO_MEMORY, "no memory for the clock: %s", strerror(errno));
    log_start(keeper, found, origin);
    look(keeper); /* set while sessiond was away */
    ses_timekeeper_keep(keeper);
    return SES_OK;
}
