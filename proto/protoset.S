/* The FileDescriptorSet of all public protos, for the reflection service; see descriptor.h. */
    .section .rodata
    .balign 16
    .global ses_protoset_begin
    .type ses_protoset_begin, %object
ses_protoset_begin:
    .incbin SES_PROTOSET_PATH
    .global ses_protoset_end
    .type ses_protoset_end, %object
ses_protoset_end:
    .size ses_protoset_begin, . - ses_protoset_begin
    .section .note.GNU-stack, "", %progbits
