/* What the targets share. A target is linked with the C files of broadcaster/forward and nothing else.
 *
 * Every packet is copied into a block of its own length, so that a read of one byte too many is seen. */
#include "_native.h"

#define CHECK(holds) do { if (!(holds)) __builtin_trap(); } while (0)

struct input {
    const uint8_t *at, *end;
};

static inline uint8_t *copy_of(const uint8_t *bytes, size_t length) {
    uint8_t *copy = malloc(length ? length : 1);
    CHECK(copy);
    if (length) memcpy(copy, bytes, length);
    return copy;
}

static inline uint32_t take_byte(struct input *input) { return input->at < input->end ? *input->at++ : 0; }

/* The next packet of an input of several: two bytes of length lead. NULL at the end; the caller frees it. */
static inline uint8_t *take_packet(struct input *input, uint32_t *length) {
    if (2 > (size_t)(input->end - input->at)) return NULL;
    size_t size = get16(input->at) & 0x7FF, left = (size_t)(input->end - (input->at += 2));
    *length = (uint32_t)(size < left ? size : left);
    input->at += *length;
    return copy_of(input->at - *length, *length);
}
