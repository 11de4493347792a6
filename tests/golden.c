// SPDX-License-Identifier: Apache-2.0
// golden [--backend ref|cpu|cuda] [--precision fp32|bf16] [--threads N] [--frames DIR] DIR...
// Runs every scenario and the stages of each reference folder and compares all tensors.
#include "tests/golden.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HAVE_PNG
#include <png.h>
#endif

#include "tests/seeded.h"

#define MAX_FRAMES 64

void golden_problem(GoldenScore *score, const char *format, ...)
{
    if (score->problem[0])
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(score->problem, sizeof score->problem, format, args);
    va_end(args);
}

static void note(GoldenScore *score, const char *name, double difference, double tolerance)
{
    double ratio = difference / tolerance;
    score->n_tensors++;
    if (getenv("GOLDEN_VERBOSE"))
        printf("    %-60s %.4f of %g\n", name, ratio, tolerance);
    if (ratio > score->worst || !score->worst_name[0]) {
        score->worst = ratio;
        snprintf(score->worst_name, sizeof score->worst_name, "%s", name);
    }
}

void golden_compare(GoldenScore *score, const char *name, const float *expected,
                    const float *actual, int64_t n, double tolerance)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        double difference = fabs((double)expected[i] - actual[i]);
        if (!(difference <= worst)) // a NaN is the worst
            worst = isnan(difference) ? INFINITY : difference;
    }
    note(score, name, worst, tolerance);
}

double golden_deviation(const float *values, int64_t n)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += values[i];
        squares += (double)values[i] * values[i];
    }
    double variance = squares / (double)n - sum / (double)n * (sum / (double)n);
    return n > 1 && variance > 0 ? sqrt(variance) : fabs(sum / (double)n);
}

void golden_compare_rounded(GoldenScore *score, const char *name, const float *expected,
                            const float *actual, int64_t n)
{
    double squares = 0;
    for (int64_t i = 0; i < n; i++)
        squares += ((double)expected[i] - actual[i]) * ((double)expected[i] - actual[i]);
    double mean = isnan(squares) ? INFINITY : sqrt(squares / (double)n);
    note(score, name, mean / golden_deviation(expected, n), GOLDEN_ROUNDED_LOGITS);
}

void golden_compare_masks(GoldenScore *score, const char *name, const float *expected,
                          const float *actual, int64_t n)
{
    int64_t both = 0, either = 0;
    float low = expected[0], high = expected[0];
    for (int64_t i = 1; i < n; i++) {
        low = fminf(low, expected[i]);
        high = fmaxf(high, expected[i]);
    }
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(actual[i]))
            golden_problem(score, "%s: not finite", name);
        if (fabs((double)expected[i]) < GOLDEN_ROUNDED_MASKS * ((double)high - low))
            continue;
        both += expected[i] > 0 && actual[i] > 0;
        either += expected[i] > 0 || actual[i] > 0;
    }
    note(score, name, either ? 1 - (double)both / (double)either : 0, GOLDEN_ROUNDED_MASKS);
}

void golden_report(Golden *golden, const char *name, const GoldenScore *score)
{
    bool ok = !score->problem[0] && score->worst <= 1 && score->n_tensors > 0;
    printf("%s %s/%s: %d tensors, worst %.3f of its tolerance (%s)%s%s\n", ok ? "ok  " : "FAIL",
           golden->dir, name, score->n_tensors, score->worst, score->worst_name,
           score->problem[0] ? "; " : "", score->problem);
    fflush(stdout);
    golden->n_passed += ok;
    golden->n_failed += !ok;
}

char *golden_read_text(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    char *text = length >= 0 ? malloc((size_t)length + 1) : NULL;
    if (text && fread(text, 1, (size_t)length, file) == (size_t)length) {
        text[length] = 0;
        *size = (size_t)length;
    } else {
        fprintf(stderr, "%s: cannot be read\n", path);
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

float *golden_floats(const Sam2CheckpointTensor *tensor, const char *path)
{
    Sam2Error error;
    float *out = malloc(tensor->size + sizeof(float));
    if (out && sam2_checkpoint_read_f32(tensor, out, path, &error) == SAM2_OK)
        return out;
    free(out);
    return NULL;
}

// ---- Frames ------------------------------------------------------------------------------------

#ifdef HAVE_PNG
static bool read_png(const char *path, GoldenImage *out)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&image, path))
        return false;
    image.format = PNG_FORMAT_RGB;
    out->width = (int)image.width;
    out->height = (int)image.height;
    out->rgb = malloc(PNG_IMAGE_SIZE(image));
    return out->rgb && png_image_finish_read(&image, NULL, out->rgb, 0, NULL);
}
#endif

static bool read_ppm(const char *path, GoldenImage *out)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    bool ok = fscanf(file, "P6 %d %d 255", &out->width, &out->height) == 2 && out->width > 0 &&
              out->height > 0 && out->width < 65536 && out->height < 65536;
    fgetc(file);
    size_t size = ok ? (size_t)out->width * (size_t)out->height * 3 : 0;
    out->rgb = ok ? malloc(size) : NULL;
    ok = out->rgb && fread(out->rgb, 1, size, file) == size;
    fclose(file);
    return ok;
}

static void free_frames(Golden *golden)
{
    for (int i = 0; i < golden->n_frames; i++)
        free(golden->frames[i].rgb);
    golden->n_frames = 0;
}

static bool load_frames(Golden *golden)
{
    for (int i = 0; i < MAX_FRAMES; i++) {
        char path[4096];
        GoldenImage *image = &golden->frames[i];
        snprintf(path, sizeof path, "%s/%05d.ppm", golden->frames_dir, i);
        bool ok = read_ppm(path, image);
#ifdef HAVE_PNG
        snprintf(path, sizeof path, "%s/%05d.png", golden->frames_dir, i);
        ok = ok || read_png(path, image);
#endif
        if (!ok)
            break;
        golden->n_frames++;
    }
    if (golden->n_frames == 0)
        fprintf(stderr, "%s: no frames 00000.png or 00000.ppm here\n", golden->frames_dir);
    return golden->n_frames > 0;
}

// ---- Folders -----------------------------------------------------------------------------------

static bool open_model(Golden *golden, Sam2ModelParams params)
{
    char json[4096], weights[] = "/tmp/golden-XXXXXX";
    Sam2Error error = {0};
    int fd = mkstemp(weights);
    if (fd < 0) {
        perror(weights);
        return false;
    }
    close(fd);
    snprintf(json, sizeof json, "%s/model.json", golden->dir);
    params.path = weights;
    bool ok = seeded_write(json, weights, &error) == SAM2_OK &&
              sam2_model_open(&golden->model, &params, &error) == SAM2_OK;
    unlink(weights);
    if (!ok)
        fprintf(stderr, "%s: %s\n", json, error.message);
    else
        golden->rounded = golden->model->be->precision == SAM2_PRECISION_BF16;
    return ok;
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_scenario(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && strcmp(dot, ".json") == 0 && strcmp(entry->d_name, "model.json") != 0;
}

static bool run_folder(Golden *golden, const Sam2ModelParams *params)
{
    struct dirent **entries;
    int n = scandir(golden->dir, &entries, is_scenario, compare_names);
    if (n <= 0) {
        fprintf(stderr, "%s: no scenarios here\n", golden->dir);
        return false;
    }
    bool ok = load_frames(golden) && open_model(golden, *params);
    for (int i = 0; i < n; i++) {
        *strrchr(entries[i]->d_name, '.') = 0;
        if (ok && strcmp(entries[i]->d_name, "stages") == 0)
            golden_run_stages(golden);
        else if (ok)
            golden_run_scenario(golden, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    sam2_model_close(&golden->model);
    free_frames(golden);
    return ok;
}

static int usage(void)
{
    fprintf(stderr, "usage: golden [--backend ref|cpu|cuda] [--precision fp32|bf16] [--threads N]\n"
                    "              [--frames DIR] DIR...\n");
    return 2;
}

int main(int argc, char **argv)
{
    static const char *const backends[] = {"auto", "ref", "cpu", "cuda"};
    Sam2ModelParams params = {.backend = SAM2_BACKEND_AUTO, .precision = SAM2_PRECISION_F32};
    GoldenImage frames[MAX_FRAMES] = {0};
    Golden golden = {.frames = frames};
    const char *frames_dir = NULL;
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--frames") == 0) {
            frames_dir = value;
        } else if (strcmp(argv[i], "--threads") == 0) {
            params.n_threads = atoi(value);
        } else if (strcmp(argv[i], "--precision") == 0) {
            params.precision =
                strcmp(value, "bf16") == 0 ? SAM2_PRECISION_BF16 : SAM2_PRECISION_F32;
        } else if (strcmp(argv[i], "--backend") == 0) {
            int k = 3;
            while (k > 0 && strcmp(backends[k], value) != 0)
                k--;
            params.backend = (Sam2BackendKind)k;
        } else {
            return usage();
        }
    }
    if (i >= argc)
        return usage();
    const char *why;
    if (!sam2_backend_available(params.backend, &why)) {
        printf("0 passed, 0 failed, 1 skipped (%s)\n", why);
        return 77;
    }
    for (; i < argc; i++) {
        char beside[4096];
        snprintf(beside, sizeof beside, "%s/../frames", argv[i]);
        golden.dir = argv[i];
        golden.frames_dir = frames_dir ? frames_dir : beside;
        if (!run_folder(&golden, &params))
            golden.n_failed++;
    }
    printf("%d passed, %d failed\n", golden.n_passed, golden.n_failed);
    return golden.n_failed ? 1 : 0;
}
