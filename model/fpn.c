// SPDX-License-Identifier: Apache-2.0
// The feature pyramid: laterals, top-down path into level 2, and the mask decoder's high-resolution
// projections, which are folded into the laterals of levels 0 and 1.
#include "model/network.h"

Sam2Status sam2_fpn_load(Sam2Fpn *fpn, Sam2Loader *loader, const Sam2Config *config)
{
    int64_t d = config->d_model, c = config->embed_dim;
    *fpn = (Sam2Fpn){.d_model = config->d_model, .top_size = config->image_size / 16};
    SAM2_TRY(sam2_load_linear(loader, &fpn->level3, "image_encoder.neck.convs.0.conv", d, 8 * c));
    SAM2_TRY(sam2_load_linear(loader, &fpn->level2, "image_encoder.neck.convs.1.conv", d, 4 * c));
    SAM2_TRY(sam2_load_folded(loader, &fpn->level1, "sam_mask_decoder.conv_s1",
                              "image_encoder.neck.convs.2.conv", d / 4, d, 2 * c));
    return sam2_load_folded(loader, &fpn->level0, "sam_mask_decoder.conv_s0",
                            "image_encoder.neck.convs.3.conv", d / 8, d, c);
}

Sam2Status sam2_features_alloc(Sam2Features *features, const Sam2Fpn *fpn, Sam2Backend *be)
{
    int64_t h = fpn->top_size, n = h * h, d = fpn->d_model;
    *features = (Sam2Features){0};
    // What a frame is comes first: the rest can be made of it again.
    SAM2_TRY(sam2_backend_alloc(be, &features->all, 2, (const int64_t[]){6 * n, d}));
    features->top = sam2_tensor_rows(&features->all, 0, n);
    Sam2Tensor rows = sam2_tensor_rows(&features->all, n, n);
    features->s1 = SAM2_RESHAPE(&rows, 2 * h, 2 * h, d / 4);
    rows = sam2_tensor_rows(&features->all, 2 * n, 2 * n);
    features->s0 = SAM2_RESHAPE(&rows, 4 * h, 4 * h, d / 8);
    features->attended = sam2_tensor_rows(&features->all, 4 * n, n);
    features->query = sam2_tensor_rows(&features->all, 5 * n, n);
    features->query.dtype = sam2_operand_type(be, d);
    return SAM2_OK;
}

void sam2_features_free(Sam2Features *features, Sam2Backend *be)
{
    sam2_backend_release(be, &features->all);
    *features = (Sam2Features){0};
}

size_t sam2_features_size(const Sam2Fpn *fpn)
{
    return 6 * (size_t)fpn->top_size * (size_t)fpn->top_size * (size_t)fpn->d_model * sizeof(float);
}

size_t sam2_features_used(const Sam2Features *features)
{
    size_t size = sam2_tensor_size(&features->all);
    return features->has_attended ? size : size / 3 * 2;
}

Sam2Status sam2_features_copy(Sam2Features *dst, const Sam2Features *src, Sam2Backend *be)
{
    dst->has_attended = src->has_attended;
    return be->ops->copy(be, dst->all.data, src->all.data, sam2_features_used(src));
}

typedef struct Pyramid {
    const Sam2Fpn *fpn;
    Sam2Backend *be;
    Sam2Features *features;
} Pyramid;

static Sam2Status apply_lateral(Sam2Backend *be, const Sam2Linear *lateral, const Sam2Tensor *x,
                                const Sam2Tensor *dst)
{
    Sam2Tensor rows = SAM2_RESHAPE(dst, x->shape[0], lateral->bias->shape[0]);
    return sam2_op_linear(be, &rows, x, lateral->weight, lateral->bias, SAM2_ACT_NONE, NULL);
}

static Sam2Status take_stage(void *user, int stage, const Sam2Tensor *out)
{
    Pyramid *pyramid = user;
    const Sam2Fpn *fpn = pyramid->fpn;
    Sam2Features *features = pyramid->features;
    Sam2Backend *be = pyramid->be;
    if (stage == 0)
        return apply_lateral(be, &fpn->level0, out, &features->s0);
    if (stage == 1)
        return apply_lateral(be, &fpn->level1, out, &features->s1);
    if (stage == 2)
        return apply_lateral(be, &fpn->level2, out, &features->top);
    // `attended` is free until the frame is prepared for memory attention.
    int64_t h = fpn->top_size, d = fpn->d_model;
    Sam2Tensor level3 = sam2_tensor_rows(&features->attended, 0, h * h / 4);
    SAM2_TRY(apply_lateral(be, &fpn->level3, out, &level3));
    Sam2Tensor top = SAM2_RESHAPE(&features->top, h, h, d);
    level3 = SAM2_RESHAPE(&level3, h / 2, h / 2, d);
    return sam2_op_upsample_add(be, &top, &level3);
}

Sam2Status sam2_fpn_forward(const Sam2Fpn *fpn, const Sam2Hiera *hiera, Sam2Arena *arena,
                            const Sam2Tensor *input, Sam2Features *features)
{
    Pyramid pyramid = {fpn, arena->be, features};
    features->has_attended = false;
    return sam2_hiera_forward(hiera, arena, input, take_stage, &pyramid);
}
