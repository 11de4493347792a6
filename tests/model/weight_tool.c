// SPDX-License-Identifier: Apache-2.0
// For tests in Python: weight_tool seed MODEL_JSON OUT | convert IN OUT f32|f16|bf16 | inspect IN
#include <stdio.h>
#include <string.h>

#include "tests/seeded.h"

static int report(Sam2Status status, const Sam2Error *error)
{
    if (status != SAM2_OK)
        fprintf(stderr, "weight_tool: %s\n", error->message);
    return status != SAM2_OK;
}

int main(int argc, char **argv)
{
    Sam2Error error = {0};
    if (argc == 4 && strcmp(argv[1], "seed") == 0)
        return report(seeded_write(argv[2], argv[3], &error), &error);
    if (argc == 5 && strcmp(argv[1], "convert") == 0) {
        Sam2DType dtype = strcmp(argv[4], "f32") == 0   ? SAM2_F32
                          : strcmp(argv[4], "f16") == 0 ? SAM2_F16
                                                        : SAM2_BF16;
        return report(sam2_model_convert(argv[2], argv[3], dtype, &error), &error);
    }
    if (argc == 3 && strcmp(argv[1], "inspect") == 0) {
        Sam2ModelInfo info;
        Sam2Status status = sam2_model_inspect(argv[2], &info, &error);
        if (status == SAM2_OK)
            printf("%s %s %d %lld\n", info.variant, info.version, info.image_size,
                   (long long)info.n_parameters);
        return report(status, &error);
    }
    fprintf(stderr, "usage: weight_tool seed|convert|inspect ...\n");
    return 2;
}
