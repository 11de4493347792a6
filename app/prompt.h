// SPDX-License-Identifier: Apache-2.0
// Prompts: what the user says an object is on a frame, by points, a box or a mask.
//
// A frame has one prompt of an object: points and box together, or a mask alone. Coordinates are
// frame pixels, x right, y down, (0, 0) is the first pixel; fractions are allowed.
#pragma once

#include <glib.h>
#include <stdint.h>

G_BEGIN_DECLS

typedef enum MskPromptErrorCode {
    MSK_PROMPT_ERROR_UNREADABLE, // a prompt or mask file: missing, not readable, damaged
    MSK_PROMPT_ERROR_FORMAT,     // a prompt file is not of its form: the message says where
    MSK_PROMPT_ERROR_VALUE, // values that the clip cannot have: outside the frame or range, ...
} MskPromptErrorCode;
#define MSK_PROMPT_ERROR (msk_prompt_error_quark())
GQuark msk_prompt_error_quark(void);

#define MSK_PROMPT_POINTS_MAX 1000 // points of one prompt
#define MSK_PROMPT_FRAME_MAX ((int64_t)1 << 40)

// A mask at frame size; non-zero is the object.
typedef struct MskPromptMask {
    int width, height;
    uint8_t *pixels; // height rows of width bytes
} MskPromptMask;

typedef struct MskPrompt {
    int64_t frame;
    GArray *points; // of float: x, y, x, y ...
    GArray *labels; // of int: 1 positive, 0 negative
    gboolean has_box;
    float box[4];    // x0, y0, x1, y1
    char *mask_path; // or NULL
    MskPromptMask mask;
} MskPrompt;

MskPrompt *msk_prompt_new(int64_t frame);
void msk_prompt_free(MskPrompt *prompt); // NULL is fine
G_DEFINE_AUTOPTR_CLEANUP_FUNC(MskPrompt, msk_prompt_free)
MskPrompt *msk_prompt_copy(const MskPrompt *prompt);
void msk_prompt_add_point(MskPrompt *prompt, double x, double y, gboolean positive);
// Corners in any order.
void msk_prompt_set_box(MskPrompt *prompt, double x0, double y0, double x1, double y1);
// Takes `pixels`, made by g_malloc().
void msk_prompt_set_mask(MskPrompt *prompt, uint8_t *pixels, int width, int height);
// Nothing was said yet.
gboolean msk_prompt_is_empty(const MskPrompt *prompt);

typedef struct MskPromptObject {
    int id;             // >= 1
    char *name;         // or NULL
    GPtrArray *prompts; // of MskPrompt, in the order given
} MskPromptObject;

// A list of MskPromptObject; free with g_ptr_array_unref().
GPtrArray *msk_prompt_list_new(void);
// The object, made at the list's end if it is new.
MskPromptObject *msk_prompt_list_object(GPtrArray *list, int id);
// The object's prompt on a frame, made if it is new.
MskPrompt *msk_prompt_object_on(MskPromptObject *object, int64_t frame);

// Reads a prompt file:
//   {"objects": [{"id": 1, "name": "dog", "prompts": [
//     {"frame": 0, "points": [[x, y]], "labels": [1], "box": [x0, y0, x1, y1], "mask": "m.png"}]}]}
// "name", "points" with "labels", "box" and "mask" may be left out; a mask's path is relative to
// the file. Unknown keys are errors. Masks are not read yet. NULL with an error that names the
// place ("object 2, prompt 1").
GPtrArray *msk_prompt_list_read(const char *path, GError **error);

// Checks the prompts against a clip: at least one object, prompts for each, one prompt a frame,
// frames within first..last, coordinates within width x height. Reads the masks that have a path,
// which must have the frame's size.
gboolean msk_prompt_list_prepare(GPtrArray *list, int width, int height, int64_t first,
                                 int64_t last, GError **error);

// ---- prompt_mask.c -----------------------------------------------------------------------------

// Reads a PNG as a mask. An indexed PNG's object is all but index 0 (as DAVIS has it); with an
// alpha channel it is alpha of at least half; else grey (the mean of RGB) of at least half.
gboolean msk_prompt_mask_read(MskPromptMask *out, const char *path, GError **error);

G_END_DECLS
