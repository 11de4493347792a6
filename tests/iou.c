// SPDX-License-Identifier: Apache-2.0
// iou RESULT TRUTH ID...: mean intersection over union of two folders of indexed or grey PNGs.
//
// Files are paired by the number in front of ".png" ("00012.png", "clip.0012.png"). For each object
// ID a pixel belongs to it when its value is the ID; a frame where neither folder has the object
// counts as 1. Every PNG in TRUTH must have its partner. Prints a line per object and the mean.
#include <dirent.h>
#include <errno.h>
#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SIDE 16384
#define MAX_FRAMES 100000
#define MAX_IDS 255

typedef struct Image {
    uint32_t width, height;
    uint8_t *pixels; // width * height
} Image;

typedef struct Folder {
    const char *path;
    char **names; // [number], NULL where there is none
    long n_names; // largest number + 1
} Folder;

static void image_clear(Image *image)
{
    free(image->pixels);
    *image = (Image){0};
}

// Reads the raw indices or grey values. Says on stderr what is wrong.
static bool image_read(Image *out, const char *path)
{
    png_structp png = NULL;
    png_infop info = NULL;
    png_bytep *volatile rows = NULL;
    FILE *file = fopen(path, "rb");

    if (!file) {
        fprintf(stderr, "iou: %s: %s\n", path, strerror(errno));
        return false;
    }
    png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    info = png ? png_create_info_struct(png) : NULL;
    if (!info || setjmp(png_jmpbuf(png))) {
        fprintf(stderr, "iou: %s: not a PNG that can be read\n", path);
        goto fail;
    }
    png_init_io(png, file);
    png_set_user_limits(png, MAX_SIDE, MAX_SIDE);
    png_read_info(png, info);
    int colour = png_get_color_type(png, info);
    if ((colour != PNG_COLOR_TYPE_PALETTE && colour != PNG_COLOR_TYPE_GRAY) ||
        png_get_bit_depth(png, info) > 8) {
        fprintf(stderr, "iou: %s: expected an indexed or grey PNG of at most 8 bits\n", path);
        goto fail;
    }
    png_set_packing(png);
    png_read_update_info(png, info);
    out->width = png_get_image_width(png, info);
    out->height = png_get_image_height(png, info);
    out->pixels = malloc((size_t)out->width * out->height);
    rows = malloc(out->height * sizeof *rows);
    if (!out->pixels || !rows) {
        fprintf(stderr, "iou: %s: out of memory\n", path);
        goto fail;
    }
    for (uint32_t y = 0; y < out->height; y++)
        rows[y] = out->pixels + (size_t)y * out->width;
    png_read_image(png, rows);
    png_destroy_read_struct(&png, &info, NULL);
    free(rows);
    fclose(file);
    return true;
fail:
    png_destroy_read_struct(&png, &info, NULL);
    free(rows);
    fclose(file);
    image_clear(out);
    return false;
}

// The number in front of ".png", or -1.
static long file_number(const char *name)
{
    size_t end = strlen(name);
    if (end < 5 || strcmp(name + end - 4, ".png") != 0)
        return -1;
    end -= 4;
    size_t start = end;
    while (start > 0 && name[start - 1] >= '0' && name[start - 1] <= '9')
        start--;
    if (start == end || end - start > 8)
        return -1;
    return strtol(name + start, NULL, 10);
}

static bool folder_open(Folder *out, const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) {
        fprintf(stderr, "iou: %s: %s\n", path, strerror(errno));
        return false;
    }
    out->path = path;
    out->names = calloc(MAX_FRAMES, sizeof *out->names);
    bool ok = out->names != NULL;
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        long number = file_number(entry->d_name);
        if (number < 0 || number >= MAX_FRAMES)
            continue;
        if (out->names[number]) {
            fprintf(stderr, "iou: %s: two files have the number %ld\n", path, number);
            ok = false;
        } else {
            out->names[number] = strdup(entry->d_name);
            ok = out->names[number] != NULL;
            out->n_names = number >= out->n_names ? number + 1 : out->n_names;
        }
    }
    closedir(dir);
    return ok;
}

static void folder_clear(Folder *folder)
{
    for (long i = 0; folder->names && i < folder->n_names; i++)
        free(folder->names[i]);
    free(folder->names);
    *folder = (Folder){0};
}

static bool folder_read(const Folder *folder, long number, Image *out)
{
    if (number >= folder->n_names || !folder->names[number]) {
        fprintf(stderr, "iou: %s: no PNG with the number %ld\n", folder->path, number);
        return false;
    }
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder->path, folder->names[number]);
    return image_read(out, path);
}

static double image_iou(const Image *a, const Image *b, int id)
{
    size_t both = 0, either = 0;
    for (size_t i = 0; i < (size_t)a->width * a->height; i++) {
        bool in_a = a->pixels[i] == id, in_b = b->pixels[i] == id;
        both += in_a && in_b;
        either += in_a || in_b;
    }
    return either ? (double)both / (double)either : 1.0;
}

int main(int argc, char **argv)
{
    Folder result = {0}, truth = {0};
    double sums[MAX_IDS] = {0}, total = 0;
    int ids[MAX_IDS], n_ids = argc - 3;
    long n_frames = 0;
    int status = 1;

    if (n_ids < 1 || n_ids > MAX_IDS) {
        fprintf(stderr, "usage: iou RESULT TRUTH ID...\n");
        return 2;
    }
    for (int i = 0; i < n_ids; i++) {
        char *end;
        long id = strtol(argv[3 + i], &end, 10);
        if (end == argv[3 + i] || *end || id < 1 || id > 255) {
            fprintf(stderr, "iou: %s: an object ID is a number from 1 to 255\n", argv[3 + i]);
            return 2;
        }
        ids[i] = (int)id;
    }
    if (!folder_open(&result, argv[1]) || !folder_open(&truth, argv[2]))
        goto done;
    for (long n = 0; n < truth.n_names; n++) {
        Image a = {0}, b = {0};
        if (!truth.names[n])
            continue;
        bool ok = folder_read(&result, n, &a) && folder_read(&truth, n, &b);
        if (ok && (a.width != b.width || a.height != b.height)) {
            fprintf(stderr, "iou: number %ld: the sizes differ: %ux%u and %ux%u\n", n, a.width,
                    a.height, b.width, b.height);
            ok = false;
        }
        for (int i = 0; ok && i < n_ids; i++)
            sums[i] += image_iou(&a, &b, ids[i]);
        image_clear(&a);
        image_clear(&b);
        if (!ok)
            goto done;
        n_frames++;
    }
    if (n_frames == 0) {
        fprintf(stderr, "iou: %s: no numbered PNGs\n", argv[2]);
        goto done;
    }
    for (int i = 0; i < n_ids; i++) {
        printf("object %d: %.3f\n", ids[i], sums[i] / (double)n_frames);
        total += sums[i] / (double)n_frames;
    }
    printf("mean IoU %.3f over %ld frames\n", total / n_ids, n_frames);
    status = 0;
done:
    folder_clear(&result);
    folder_clear(&truth);
    return status;
}
