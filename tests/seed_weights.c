// SPDX-License-Identifier: Apache-2.0
// Writes the seeded weights of a reference model: seed_weights MODEL_JSON OUT.safetensors
#include <stdio.h>

#include "tests/seeded.h"

int main(int argc, char **argv)
{
    Sam2Error error;
    if (argc != 3) {
        fprintf(stderr, "usage: seed_weights MODEL_JSON OUT.safetensors\n");
        return 2;
    }
    if (seeded_write(argv[1], argv[2], &error) != SAM2_OK) {
        fprintf(stderr, "seed_weights: %s\n", error.message);
        return 1;
    }
    return 0;
}
