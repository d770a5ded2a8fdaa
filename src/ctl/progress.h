/* progress.h - how far a long command is, on stderr: a bar that is drawn again and again on a terminal, else a line every
 * ten seconds, so that a log is not filled. Nothing at all for what ends at once. */
#ifndef SESSIOND_SRC_CTL_PROGRESS_H
#define SESSIOND_SRC_CTL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    const char *what; /* one word: "copying" */
    bool terminal;
    bool drawn; /* a bar stands on the terminal's line */
    uint64_t began_ms;
    uint64_t told_ms;
};

/* What it has done of what there is to do, in parts of any kind; total 0: nobody knows. bytes are told beside. */
void progress_begin(struct progress *progress, const char *what);
void progress_step(struct progress *progress, uint64_t done, uint64_t total, uint64_t bytes);
/* The terminal's line is free again. */
void progress_end(struct progress *progress);

/* "1.5 GiB"; ret_text of 16 bytes. Public for tests. */
void progress_bytes_text(uint64_t bytes, char ret_text[16]);
/* What progress_step writes after so long: with a bar, or without. ret_text is cut where room ends. */
void progress_line(const struct progress *progress, uint64_t elapsed_ms, uint64_t done, uint64_t total,
                   uint64_t bytes, char *ret_text, size_t room);

#endif
