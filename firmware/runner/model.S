/* The model lies in flash, 16-byte aligned as the runtime requires. */
    .section .model, "a", %progbits
    .balign 16
    .global lab_model
    .type lab_model, %object
lab_model:
    .incbin "model.tflite"
    .size lab_model, . - lab_model
    .section .note.GNU-stack, "", %progbits
