/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target defines; driver.c or libFuzzer calls it. */
#ifndef TRACER_TEST_FUZZ_H
#define TRACER_TEST_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
