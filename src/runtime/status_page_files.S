/* The files of the status page, for status_page.c. */
    .section .rodata
    .macro page name, path
    .global ses_page_\name\()_begin
    .type ses_page_\name\()_begin, %object
ses_page_\name\()_begin:
    .incbin "\path"
    .global ses_page_\name\()_end
    .type ses_page_\name\()_end, %object
ses_page_\name\()_end:
    .byte 0
    .endm

    page html, "status_page.html"
    page css, "status_page.css"
    page js, "status_page.js"
    .section .note.GNU-stack, "", %progbits
