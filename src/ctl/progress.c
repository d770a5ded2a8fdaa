/* Written to stderr, so that what a command answers on stdout can be piped on. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sessiond/base/clock.h>

#define BAR_CELLS    24
#define DRAW_MS      200
#define TELL_MS      10000
#define LINE_MAX_LEN 160

void progress_begin(struct progress *progress, const char *what)
{
    uint64_t now_ms = ses_clock_mono_ms();

    *progress = (struct progress){
        .what = what, .terminal = isatty(STDERR_FILENO) == 1, .began_ms = now_ms, .told_ms = now_ms};
}

void progress_bytes_text(uint64_t bytes, char ret_text[16])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t unit = 0;

    while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(ret_text, 16, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

/* "1:05:09", "5:09" */
static void time_text(uint64_t seconds, char ret_text[24])
{
    if (seconds >= 3600)
        (void)snprintf(ret_text, 24, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, seconds / 3600,
                       seconds / 60 % 60, seconds % 60);
    else
        (void)snprintf(ret_text, 24, "%" PRIu64 ":%02" PRIu64, seconds / 60, seconds % 60);
}

static void bar_text(uint64_t done, uint64_t total, char ret_text[BAR_CELLS + 4])
{
    size_t full = (size_t)(done * BAR_CELLS / total);

    ret_text[0] = '[';
    memset(ret_text + 1, '#', full);
    memset(ret_text + 1 + full, '.', BAR_CELLS - full);
    memcpy(ret_text + 1 + BAR_CELLS, "] ", sizeof("] "));
}

/* What was done at the rate so far; the first moments say too little to tell a time. */
void progress_line(const struct progress *progress, uint64_t elapsed_ms, uint64_t done, uint64_t total,
                   uint64_t bytes, char *ret_text, size_t room)
{
    char amount[16];
    char rate[16];
    char left[24] = "";
    char bar[BAR_CELLS + 4] = "";

    progress_bytes_text(bytes, amount);
    progress_bytes_text(elapsed_ms == 0 ? 0 : bytes * 1000 / elapsed_ms, rate);
    if (total == 0) {
        (void)snprintf(ret_text, room, "%s: %" PRIu64 ", %s, %s/s", progress->what, done, amount, rate);
        return;
    }
    if (done > total)
        done = total; /* what is copied may have grown */
    if (progress->terminal)
        bar_text(done, total, bar);
    if (done > 0)
        time_text(elapsed_ms * (total - done) / done / 1000, left);
    (void)snprintf(ret_text, room, "%s: %s%" PRIu64 " %%, %s, %s/s%s%s", progress->what, bar,
                   done * 100 / total, amount, rate, done > 0 ? ", left " : "", left);
}

void progress_step(struct progress *progress, uint64_t done, uint64_t total, uint64_t bytes)
{
    uint64_t now_ms = ses_clock_mono_ms();
    char line[LINE_MAX_LEN];

    if (now_ms - progress->told_ms < (progress->terminal ? DRAW_MS : TELL_MS))
        return;
    progress->told_ms = now_ms;
    progress_line(progress, now_ms - progress->began_ms, done, total, bytes, line, sizeof(line));
    if (progress->terminal)
        (void)fprintf(stderr, "\r%s\033[K", line);
    else
        (void)fprintf(stderr, "%s\n", line);
    (void)fflush(stderr);
    progress->drawn = progress->terminal;
}

void progress_end(struct progress *progress)
{
    if (progress->drawn)
        (void)fputs("\r\033[K", stderr);
    progress->drawn = false;
}
