// SPDX-License-Identifier: Apache-2.0
// Prompt files: what is read, and what each mistake is told. With "--mask IN.png OUT" the mask in a
// PNG is written as raw bytes, for test_cli.py to compare.
#include "app/prompt.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/check.h"

static char *folder, *file;

static GPtrArray *read_json(const char *text, GError **error)
{
    g_autoptr(GError) inner = NULL;
    if (!g_file_set_contents(file, text, -1, &inner))
        g_error("%s", inner->message);
    return msk_prompt_list_read(file, error);
}

static void test_good(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) list = read_json(
        "{\"objects\": [{\"id\": 7, \"name\": \"dog\", \"prompts\": ["
        "{\"frame\": 3, \"points\": [[1.5, 2], [3, 4.25]], \"labels\": [1, 0], "
        "\"box\": [1, 2, 30, 40]}, {\"frame\": 0, \"mask\": \"m.png\"}]}, "
        "{\"prompts\": [{\"points\": [[5, 6]], \"labels\": [1], \"frame\": 9}], \"id\": 2}]}",
        &error);
    if (!CHECK(list && !error && list->len == 2))
        return;
    const MskPromptObject *dog = g_ptr_array_index(list, 0), *two = g_ptr_array_index(list, 1);
    CHECK(dog->id == 7 && strcmp(dog->name, "dog") == 0 && dog->prompts->len == 2);
    CHECK(two->id == 2 && !two->name && two->prompts->len == 1);
    const MskPrompt *first = g_ptr_array_index(dog->prompts, 0);
    const MskPrompt *second = g_ptr_array_index(dog->prompts, 1);
    CHECK(first->frame == 3 && first->points->len == 4 && first->labels->len == 2);
    CHECK(g_array_index(first->points, float, 0) == 1.5f);
    CHECK(g_array_index(first->points, float, 3) == 4.25f);
    CHECK(g_array_index(first->labels, int, 0) == 1 && g_array_index(first->labels, int, 1) == 0);
    CHECK(first->has_box && first->box[2] == 30 && first->box[3] == 40 && !first->mask_path);
    g_autofree char *mask = g_build_filename(folder, "m.png", NULL);
    CHECK(second->frame == 0 && !second->has_box && strcmp(second->mask_path, mask) == 0);
    end_group("a prompt file");
}

// The message of a bad file, after the file's name; the name must come first.
static void check_bad(const char *text, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) list = read_json(text, &error);
    gboolean right = !list && error && g_str_has_prefix(error->message, file) &&
                     strstr(error->message + strlen(file), expected);
    if (!CHECK(right))
        printf("  for %.80s\n  expected ...%s\n  got %s\n", text, expected,
               error ? error->message : "no error");
}

#define PROMPT(inner) "{\"objects\":[{\"id\":1,\"prompts\":[{\"frame\":0," inner "}]}]}"

static void test_bad(void)
{
    check_bad("", ": the file is empty");
    check_bad("hello", ":1:");
    check_bad("{\"objects\": [\n{\"id\": 1,, }]}", ":2:");
    check_bad("[]", ": expected an object {...}, found a list");
    check_bad("{}", ": \"objects\" is missing");
    check_bad("{\"objects\": []}", "nothing to track");
    check_bad("{\"objects\": [], \"x\": 1}", "unknown key \"x\"");
    check_bad("{\"objects\": 3}", "\"objects\": expected a list, found a number");
    check_bad("{\"objects\": [{\"prompts\": []}]}", "object 1: \"id\" is missing");
    check_bad("{\"objects\": [{\"id\": 0, \"prompts\": []}]}", "object 1: \"id\": 0 is outside 1");
    check_bad("{\"objects\": [{\"id\": 1.5, \"prompts\": []}]}",
              "object 1: \"id\": expected a whole");
    check_bad("{\"objects\": [{\"id\": 1}]}", "object 1: \"prompts\" is missing");
    check_bad("{\"objects\": [{\"id\": 1, \"prompts\": []}]}", "object 1: \"prompts\" is empty");
    check_bad("{\"objects\": [{\"id\": 1, \"colour\": 3, \"prompts\": []}]}",
              "object 1: unknown key \"colour\"");
    check_bad("{\"objects\":[{\"id\":1,\"prompts\":[{\"frame\":0,\"box\":[1,1,2,2]}]},"
              "{\"id\":1,\"prompts\":[]}]}",
              "object 2: \"id\": 1 is the id of an earlier object");
    check_bad("{\"objects\":[{\"id\":1,\"prompts\":[{\"frame\":0,\"box\":[1,1,2,2]}]},"
              "{\"id\":2,\"prompts\":[{\"frame\":0,\"boks\":[1,1,2,2]}]}]}",
              "object 2, prompt 1: unknown key \"boks\"");
    check_bad("{\"objects\":[{\"id\":1,\"prompts\":[{\"box\":[1,1,2,2]}]}]}",
              "object 1, prompt 1: \"frame\" is missing");
    check_bad("{\"objects\":[{\"id\":1,\"prompts\":[{\"frame\":-1,\"box\":[1,1,2,2]}]}]}",
              "object 1, prompt 1: \"frame\": -1 is outside");
    check_bad("{\"objects\":[{\"id\":1,\"prompts\":[{\"frame\":0}]}]}",
              "object 1, prompt 1: no points");
    check_bad(PROMPT("\"points\":[[1,2]]"), "prompt 1: \"points\" without \"labels\"");
    check_bad(PROMPT("\"labels\":[1]"), "prompt 1: \"labels\" without \"points\"");
    check_bad(PROMPT("\"points\":[[1,2]],\"labels\":[1,0]"), "\"labels\": expected 1 values");
    check_bad(PROMPT("\"points\":[[1,2],[3]],\"labels\":[1,0]"), "prompt 1, point 2: [x, y]");
    check_bad(PROMPT("\"points\":[[1,\"2\"]],\"labels\":[1]"),
              "point 1: y: expected a number, found a");
    check_bad(PROMPT("\"points\":[[1,2]],\"labels\":[2]"), "point 1: label: 2 is outside 0 to 1");
    check_bad(PROMPT("\"points\":[[1,2]],\"labels\":[true]"), "found true or false");
    check_bad(PROMPT("\"points\":[[1,1e300]],\"labels\":[1]"), "no possible number");
    check_bad(PROMPT("\"box\":[1,2,3]"), "\"box\": expected 4 values, found 3");
    check_bad(PROMPT("\"box\":[3,2,1,4]"), "x0 < x1");
    check_bad(PROMPT("\"box\":null"), "\"box\": expected a list, found null");
    check_bad(PROMPT("\"mask\":\"a.png\",\"box\":[1,1,2,2]"), "a \"mask\" goes without");
    check_bad(PROMPT("\"mask\":\"\""), "\"mask\": is empty");
    g_autofree char *deep = g_strnfill(3000000, '[');
    check_bad(deep, "nested deeper");
    check_bad("{\"objects\": \"\xff\"}", "not a text file");
    end_group("mistakes in prompt files");

    g_autoptr(GError) missing = NULL, is_folder = NULL;
    g_autofree char *nowhere = g_build_filename(folder, "nowhere.json", NULL);
    CHECK(!msk_prompt_list_read(nowhere, &missing));
    CHECK(g_error_matches(missing, MSK_PROMPT_ERROR, MSK_PROMPT_ERROR_UNREADABLE));
    CHECK(missing && strstr(missing->message, "nowhere.json: no such file"));
    CHECK(!msk_prompt_list_read(folder, &is_folder));
    CHECK(is_folder && strstr(is_folder->message, "is a folder"));
    end_group("prompt files that are not there");
}

static void check_prepare(const char *text, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) list = read_json(text, NULL);
    if (!CHECK(list))
        return;
    gboolean done = msk_prompt_list_prepare(list, 100, 50, 5, 20, &error);
    gboolean right = expected ? !done && error && strstr(error->message, expected) : done && !error;
    if (!CHECK(right))
        printf("  for %.80s\n  expected %s\n  got %s\n", text, expected ? expected : "no error",
               error ? error->message : "no error");
}

#define AT(frame, inner) "{\"objects\":[{\"id\":3,\"prompts\":[{\"frame\":" frame "," inner "}]}]}"

static void test_prepare(void)
{
    check_prepare(AT("5", "\"box\":[0,0,100,50]"), NULL);
    check_prepare(AT("20", "\"points\":[[99.5,49.5],[0,0]],\"labels\":[1,0]"), NULL);
    check_prepare(AT("4", "\"box\":[0,0,100,50]"), "object 3, frame 4: the frame is outside");
    check_prepare(AT("21", "\"box\":[0,0,100,50]"), "object 3, frame 21: the frame is outside");
    check_prepare(AT("5", "\"box\":[0,0,100.5,50]"), "100 x 50 pixels");
    check_prepare(AT("5", "\"points\":[[100,3]],\"labels\":[1]"), "point 100,3 is outside");
    check_prepare(AT("5", "\"points\":[[-0.5,3]],\"labels\":[1]"), "point -0.5,3 is outside");
    check_prepare(AT("5", "\"mask\":\"none.png\""), "none.png: no such file");
    check_prepare("{\"objects\":[{\"id\":3,\"prompts\":[{\"frame\":6,\"box\":[1,1,2,2]},"
                  "{\"frame\":6,\"box\":[1,1,2,2]}]}]}",
                  "two prompts on one frame");
    g_autoptr(GPtrArray) empty = msk_prompt_list_new();
    CHECK(!msk_prompt_list_prepare(empty, 10, 10, 0, 0, NULL));
    msk_prompt_list_object(empty, 4);
    g_autoptr(GError) error = NULL;
    CHECK(!msk_prompt_list_prepare(empty, 10, 10, 0, 0, &error));
    CHECK(error && strstr(error->message, "object 4 has no prompts"));
    end_group("prompts that a clip cannot have");
}

static int write_mask(const char *in, const char *out)
{
    g_autoptr(GError) error = NULL;
    MskPromptMask mask;
    if (!msk_prompt_mask_read(&mask, in, &error)) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    gssize size = (gssize)mask.width * mask.height;
    gboolean done = g_file_set_contents(out, (const char *)mask.pixels, size, NULL);
    g_free(mask.pixels);
    return done ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--mask") == 0)
        return write_mask(argv[2], argv[3]);
    folder = g_dir_make_tmp("test-prompt-XXXXXX", NULL);
    if (!folder)
        return 1;
    file = g_build_filename(folder, "prompts.json", NULL);
    test_good();
    test_bad();
    test_prepare();
    g_remove(file);
    g_rmdir(folder);
    g_free(file);
    g_free(folder);
    return end_tests();
}
