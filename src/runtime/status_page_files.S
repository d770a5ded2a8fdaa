/* The files of the status page, for status_page.c. */
    .include "embedded_file.inc"
    .section .rodata
    embedded_file ses_page_html, "status_page.html"
    embedded_file ses_page_css, "status_page.css"
    embedded_file ses_page_js, "status_page.js"
    .section .note.GNU-stack, "", %progbits
